"""New Relic: NRQL through NerdGraph, its GraphQL interface.

"NerdGraph tutorial: Query your data using NRQL" of its documentation has the question. Errors come
with status 200, in `errors`.
"""

import re
from datetime import datetime
from typing import Final

from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from davy.metrics import documents, graphql, wire
from davy.metrics.one_request import Request

_ADDRESSES: Final = {
    "us": "https://api.newrelic.com/graphql",
    "eu": "https://api.eu.newrelic.com/graphql",
}
"""By region, in lower case."""
_QUESTION: Final = (
    "query($account: Int!, $nrql: Nrql!, $seconds: Seconds) "
    "{ actor { account(id: $account) { nrql(query: $nrql, timeout: $seconds) { results } } } }"
)
_GRACE_SECONDS: Final = 5
"""That the answer may take beyond the query's own time."""
_ACCOUNT: Final = re.compile(r"[0-9]{1,15}")


def request(metric: Metric, now: datetime) -> Request | NotAnswered:
    """What a metric asks; a query has its own times."""
    del now
    asked = metric.provider.new_relic
    if asked is None:
        return NotAnswered(f"metric {metric.name} names no New Relic")
    region, account = asked.login.get("region", "us").lower(), asked.login["account-id"]
    url = asked.login.get("base-url-nerdgraph") or _ADDRESSES.get(region)
    if url is None:
        return _unfit(asked.secret.name, "region", "us or eu")
    if not _ACCOUNT.fullmatch(account):
        return _unfit(asked.secret.name, "account-id", "the account's number")
    return Request(
        url=url,
        seconds=asked.timeout + _GRACE_SECONDS,
        read=read,
        headers={"API-Key": asked.login["personal-api-key"]},
        json={
            "query": _QUESTION,
            "variables": {
                "account": int(account),
                "nrql": asked.query,
                "seconds": asked.timeout,
            },
        },
    )


def read(body: bytes, address: str) -> Answered:
    """What a 200 says: the one result, a map, or the list of several; an empty list for none."""
    where = wire.shown(address)
    found = graphql.data(body, where)
    results = documents.field(found, "actor", "account", "nrql", "results")
    if not isinstance(results, list):
        raise documents.strange(where, "NerdGraph's", body)
    return Answered(results[0] if len(results) == 1 else results)


def _unfit(secret: str, key: str, right: str) -> NotAnswered:
    return NotAnswered(f"New Relic wasn't asked: key {key} of Secret {secret} is not {right}")
