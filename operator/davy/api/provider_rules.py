"""What the question to a provider must hold beyond its fields."""

import json
import ssl
from collections.abc import Iterator
from typing import Final

from davy.api import job_rules, lengths, paths, plugins, urls, vendor_rules
from davy.api.arguments import has_placeholder
from davy.api.errors import Finding
from davy.api.providers import PROVIDERS, MetricProvider, PrometheusMetric, WebMetric

LONGEST_BODY: Final = 16_384
"""Characters of a jsonBody as JSON; as many as a body may have."""
_OF_AWS: Final = "x-amz-"


def findings(provider: MetricProvider, path: str) -> Iterator[Finding]:
    """Everything wrong in the question."""
    if len(provider.given) > 1:
        yield Finding(path, f"has {' and '.join(provider.given)}; give exactly one")
    elif not provider.given:
        yield Finding(path, f"names nobody; give one of {', '.join(PROVIDERS)}")
    elif provider.prometheus is not None:
        at = f"{path}.prometheus"
        yield from urls.findings(provider.prometheus.address, f"{at}.address")
        yield from _login(provider.prometheus, at)
        yield from _authorities(provider.prometheus, at)
        if over := provider.prometheus.range_query:  # the judgement reads its start and its end
            yield from lengths.above_nothing(over.step, f"{at}.rangeQuery.step", "15s")
    elif provider.web is not None:
        at = f"{path}.web"
        yield from urls.findings(provider.web.url, f"{at}.url")
        yield from _login(provider.web, at)
        yield from _body(provider.web, at)
    elif provider.job is not None:
        yield from job_rules.findings(provider.job, f"{path}.job")
    elif provider.plugin is not None:
        for name, config in provider.plugin.items():
            yield from plugins.problems(config, paths.child(f"{path}.plugin", name))
    else:
        yield from vendor_rules.findings(provider, path)


def _login(asked: PrometheusMetric | WebMetric, path: str) -> Iterator[Finding]:
    if (login := asked.authentication) is None:
        return
    at = f"{path}.authentication"
    if len(login.given) != 1:
        has = " and ".join(login.given) or "nothing"
        yield Finding(at, f"has {has}; give exactly one of basicAuth, oauth2 and sigv4")
    if login.oauth2:
        yield from urls.findings(login.oauth2.token_url, f"{at}.oauth2.tokenUrl")
    if login.sigv4 and asked.insecure:
        sentence = "stands beside insecure, by which anybody could take the signature; give one"
        yield Finding(f"{at}.sigv4", sentence)
    for index, header in enumerate(asked.headers or ()):
        name = header.key.lower()
        if name == "authorization":
            yield Finding(
                f"{path}.headers[{index}]", "is Authorization beside authentication; give one"
            )
        elif login.sigv4 and (name == "host" or name.startswith(_OF_AWS)):
            yield Finding(
                f"{path}.headers[{index}]", f"is {name} beside sigv4, which writes it; remove it"
            )


def _authorities(asked: PrometheusMetric, path: str) -> Iterator[Finding]:
    if asked.ca_cert is None:
        return
    at = f"{path}.caCert"
    if asked.insecure:
        yield Finding(at, "stands beside insecure, which checks no certificate; give one of them")
    if has_placeholder(asked.ca_cert):
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=asked.ca_cert)
    except (ssl.SSLError, TypeError, ValueError):
        yield Finding(
            at,
            "holds no certificates that can be read; write PEM, from -----BEGIN CERTIFICATE----- "
            "to -----END CERTIFICATE-----",
        )


def _body(asked: WebMetric, path: str) -> Iterator[Finding]:
    if asked.body is None and asked.json_body is None:
        return
    if asked.body is not None and asked.json_body is not None:
        yield Finding(f"{path}.jsonBody", "stands beside body; give one of them")
    if asked.method == "GET":
        yield Finding(f"{path}.method", "is GET, which has no body; write POST or PUT")
    try:
        length = len(json.dumps(asked.json_body, allow_nan=False))
    except (TypeError, ValueError):
        yield Finding(f"{path}.jsonBody", "has a value that JSON can't say, such as .nan")
        return
    if length > LONGEST_BODY:
        yield Finding(
            f"{path}.jsonBody", f"is {length} characters long as JSON; at most {LONGEST_BODY} fit"
        )
