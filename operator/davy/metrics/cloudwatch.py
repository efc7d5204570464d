"""Amazon CloudWatch: GetMetricData by its JSON interface, signed with Davy's own AWS credentials.

"Making requests to CloudWatch" of AWS's user guide has the request, GetMetricData of its API
reference the fields. Who writes a metric asks as Davy, so an administrator must list the address:
`--sigv4-addresses monitoring=https://monitoring.eu-west-1.amazonaws.com`.
"""

import math
import os
from datetime import datetime
from typing import Any, Final

from davy.analysis.answer import Answered, NotAnswered, Value
from davy.api.analysis import Metric
from davy.api.fields import parse_duration
from davy.api.providers import Authentication, SigV4
from davy.metrics import aws_credentials, documents, wire
from davy.metrics.one_request import Request

_SECONDS: Final = 30
_ENDPOINT: Final = "AWS_ENDPOINT_URL_CLOUDWATCH"
"""Variable of AWS's own tools for another address than the region's."""
_HEADERS: Final = {
    "X-Amz-Target": "GraniteServiceVersion20100801.GetMetricData",
    "Content-Type": "application/x-amz-json-1.0",
    "Accept": "application/json",
}
_WHOLE: Final = frozenset({"Complete", "PartialData"})
"""Status codes of results that may be judged."""
_OFTEN: Final = "it is asked too often; give the metric a longer interval"
_NO_RIGHT: Final = "Davy's AWS role may not ask; it needs cloudwatch:GetMetricData"
_NO_LOGIN: Final = "it doesn't take Davy's AWS credentials"
_BAD_QUERY: Final = "it can't read metricDataQueries; try them with aws cloudwatch get-metric-data"
_REFUSALS: Final = {
    "Throttling": _OFTEN,
    "LimitExceeded": _OFTEN,
    "AccessDenied": _NO_RIGHT,
    "UnauthorizedOperation": _NO_RIGHT,
    "ExpiredToken": _NO_LOGIN,
    "InvalidClientTokenId": _NO_LOGIN,
    "InvalidSignature": _NO_LOGIN,
    "SignatureDoesNotMatch": _NO_LOGIN,
    "UnrecognizedClient": _NO_LOGIN,
    "InvalidParameterCombination": _BAD_QUERY,
    "InvalidParameterValue": _BAD_QUERY,
    "MissingParameter": _BAD_QUERY,
    "MissingRequiredParameter": _BAD_QUERY,
    "Validation": _BAD_QUERY,
    "ValidationError": _BAD_QUERY,
}
"""By AWS's code without `Exception`. Its own text may name Davy's role, and isn't told."""


def request(metric: Metric, now: datetime) -> Request | NotAnswered:
    """What a metric asks: the interval up to now, in the region of Davy's machine."""
    asked = metric.provider.cloud_watch
    if asked is None:
        return NotAnswered(f"metric {metric.name} names no CloudWatch")
    region = aws_credentials.region(os.environ)
    if not region:
        return NotAnswered("CloudWatch wasn't asked: Davy's machine has no AWS_REGION; set it")
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    url = os.environ.get(_ENDPOINT, "").strip() or f"https://monitoring.{region}.{domain}"
    end = int(now.timestamp())
    return Request(
        url=f"{url.rstrip('/')}/",
        seconds=_SECONDS,
        read=read,
        headers=_HEADERS,
        json={
            "StartTime": end - int(parse_duration(asked.interval).total_seconds()),
            "EndTime": end,
            "MetricDataQueries": [_named(one.manifest()) for one in asked.metric_data_queries],
        },
        authentication=Authentication(sigv4=SigV4(region=region)),
        refusal=refusal,
    )


def _named(value: Any, name: str = "") -> Any:
    """As AWS has it: names begin with a capital, a period is a number."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _named(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner) for inner in value]
    return int(value) if name == "period" else value


def refusal(body: bytes) -> str:
    """What to do about an error, by AWS's code; "": nobody knows."""
    try:
        said = documents.field(documents.parsed(body, ""), "__type")
    except documents.Unreadable:
        return ""
    code = str(said).rpartition("#")[2].removesuffix("Exception")
    return _REFUSALS.get(code, "")


def read(body: bytes, address: str) -> Answered:
    """What a 200 says: a map for each query that returns data, `Id`, `Label`, `Values` and so on.

    `Values` are the latest first. Where one has none, NaN stands there, as `all` of an empty list
    would be true; an empty list, if none of them has any.
    """
    where = wire.shown(address)
    document = documents.parsed(body, where)
    results = documents.field(document, "MetricDataResults")
    if not isinstance(results, list):
        raise documents.strange(where, "CloudWatch's", body)
    if documents.field(document, "NextToken"):
        raise documents.Unreadable(
            f"{where} answered in several pages; ask for a shorter interval or longer periods"
        )
    read_results = [_result(one, where, body) for one in results]
    count = sum(len(values) for _, values in read_results)
    if count > documents.POINTS:
        raise documents.Unreadable(
            f"{where} answered {count} values; at most {documents.POINTS} are read, so ask for a "
            "shorter interval or longer periods"
        )
    found: list[Value] = [
        {**result, "Values": [*values] or [math.nan]} for result, values in read_results
    ]
    return Answered(found if count else [], _warnings(document, read_results))


def _result(one: Any, where: str, body: bytes) -> tuple[dict[str, Value], list[float]]:
    values, times = documents.field(one, "Values"), documents.field(one, "Timestamps")
    numbers = [documents.number(value) for value in values or ()] if _is_list(values) else [None]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or not _is_list(times):
        raise documents.strange(where, "CloudWatch's", body)
    name, status = str(documents.field(one, "Id")), str(documents.field(one, "StatusCode"))
    if status not in _WHOLE:
        why = f"{where} has no data for the query {wire.plain(name)}: {wire.plain(status)}"
        raise documents.Unreadable(why)
    label = documents.field(one, "Label")
    result: dict[str, Value] = {
        "Id": name,
        "Label": label if isinstance(label, str) else None,
        "StatusCode": status,
        "Timestamps": [
            time if isinstance(time, int | float) else str(time) for time in times or ()
        ],
    }
    return result, known


def _is_list(value: Any) -> bool:
    return value is None or isinstance(value, list)


def _warnings(
    document: Any, results: list[tuple[dict[str, Value], list[float]]]
) -> tuple[str, ...]:
    partial = [
        f"the query {result['Id']} has part of its data"
        for result, _ in results
        if result["StatusCode"] == "PartialData"
    ]
    messages = documents.field(document, "Messages")
    told = [
        wire.plain(f"{documents.field(one, 'Code')}: {documents.field(one, 'Value')}")
        for one in (messages if isinstance(messages, list) else ())
    ]
    return (*partial, *told)
