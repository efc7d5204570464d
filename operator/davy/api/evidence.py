"""What a metric takes for evidence, beside its conditions."""

from typing import Annotated, Literal

from pydantic import Field

from davy.api.fields import Model

NoEvidence = Literal["hold", "inconclusive", "fail", "pass"]

Warmup = Annotated[
    str | None,
    Field(
        max_length=64,
        description="Time after each change of the canary's weight in which nothing is judged "
        "(30s): a metric isn't asked, and a comparison doesn't count the requests of that time, to "
        "the nearest scrape. No further weight is raised until then. A run beside the "
        "steps, and one without a Rollout, warms up from its start, too. Unset: none.",
    ),
]


class MinRequests(Model):
    """How many requests of the canary there must be for an answer to be evidence."""

    requests: int = Field(
        ge=1, le=1_000_000_000, description="With fewer the metric isn't asked; see onNoData."
    )
    query: Annotated[str, Field(min_length=1, max_length=8192)] = Field(
        description="Asked first, where the metric's own query is asked: the canary's requests in "
        "the time that the metric looks back on, as one number. For `rate(…[1m])` it is "
        '`sum(increase(http_requests_total{pod=~"cart-{{args.canary}}-.*"}[1m]))`. No answer '
        "is no requests."
    )
