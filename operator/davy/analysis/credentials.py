"""The texts of a question that may hold a secret: values of headers, and what logs in.

One walk over them serves all: which arguments a question needs, which addresses learn of each, and
the question with the values filled in. Nothing else of a metric may hold a secret: people see a
condition, a query's numbers would show it, and an address is looked up by name. `substitute` lets
the placeholder of a secret stand in the same texts.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from davy.analysis import substitute
from davy.api.analysis import Metric
from davy.api.providers import PrometheusMetric, WebMetric

_Asked = TypeVar("_Asked", PrometheusMetric, WebMetric)
_Change = Callable[[str, tuple[str, ...]], str]
"""A text and the addresses that learn of it, to the text that takes its place."""


def uses(metric: Metric) -> dict[str, frozenset[str]]:
    """The arguments that stand in such texts, and the addresses that learn of each one's value.

    A client's secret goes to its tokenUrl, and what is had for it to the address.
    """
    found: dict[str, frozenset[str]] = {}

    def note(text: str, addresses: tuple[str, ...]) -> str:
        for name in substitute.names(text):
            found[name] = found.get(name, frozenset()).union(addresses)
        return text

    _changed(metric, note)
    return found


def filled(metric: Metric, values: Mapping[str, str]) -> Metric:
    """The metric with its secrets filled in, for one measurement; never stored.

    Not validated again: an error of that would tell the value.

    Args:
        metric: of a run's spec.
        values: secret values by argument name.
    """
    return _changed(metric, lambda text, _: substitute.replaced(text, values)) if values else metric


def logged_in(metric: Metric, values: Mapping[str, str]) -> Metric:
    """The metric with the Secret that its provider logs in by, for one measurement; never stored.

    Args:
        metric: of a run's spec.
        values: of the Secret, by key.
    """
    if (found := metric.provider.logged_in) is None:
        return metric
    field, asked = found
    provider = metric.provider.model_copy(update={field: asked.logged_in(dict(values))})
    return metric.model_copy(update={"provider": provider})


def _changed(metric: Metric, change: _Change) -> Metric:
    provider = metric.provider
    updates: dict[str, PrometheusMetric | WebMetric] = {}
    if provider.prometheus is not None:
        updates["prometheus"] = _asked(provider.prometheus, provider.prometheus.address, change)
    if provider.web is not None:
        updates["web"] = _asked(provider.web, provider.web.url, change)
    return metric.model_copy(update={"provider": provider.model_copy(update=updates)})


def _asked(asked: _Asked, address: str, change: _Change) -> _Asked:
    headers = asked.headers and [
        header.model_copy(update={"value": change(header.value, (address,))})
        for header in asked.headers
    ]
    login = asked.authentication
    if login is not None and (oauth2 := login.oauth2) is not None:
        both = (oauth2.token_url, address)
        texts = {
            "client_id": change(oauth2.client_id, both),
            "client_secret": change(oauth2.client_secret, both),
        }
        login = login.model_copy(update={"oauth2": oauth2.model_copy(update=texts)})
    if login is not None and (basic := login.basic_auth) is not None:
        texts = {
            "username": change(basic.username, (address,)),
            "password": change(basic.password, (address,)),
        }
        login = login.model_copy(update={"basic_auth": basic.model_copy(update=texts)})
    return asked.model_copy(update={"headers": headers, "authentication": login})
