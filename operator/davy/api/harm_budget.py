"""How many requests a bad release may cost before that is seen."""

from typing import Annotated, Final

from pydantic import Field

from davy.api.fields import Model

LEAST: Final = 6
"""Requests; 5 failed ones are the fewest that prove a canary worse."""


class HarmBudget(Model):
    """Weights start low and grow with the evidence; exactly one of the two is set."""

    requests: Annotated[int, Field(ge=LEAST, le=1_000_000)] | None = Field(
        None,
        description="Requests that may fail before a canary that always failed is seen and its "
        "weight taken back; 6 or more, as 5 failed ones are the fewest that prove anything.",
    )
    share: Annotated[float, Field(ge=0.000001, le=1, allow_inf_nan=False)] | None = Field(
        None,
        description="Instead: the share of all requests that may fail at any moment (0.01 is 1 %).",
    )

    def __str__(self) -> str:
        """`50 requests`, `1 % of all requests`."""
        if self.requests is not None:
            return f"{self.requests} requests"
        return f"{100 * (self.share or 0):g} % of all requests"
