"""What must hold between the fields of one metric once its arguments are filled in."""

from davy.analysis import limits
from davy.api.analysis import Metric
from davy.api.errors import Finding
from davy.api.fields import parse_duration


def metric(checked: Metric, path: str, *, inline: bool) -> list[Finding]:
    """Everything wrong in one metric.

    Args:
        checked: the metric, arguments filled in.
        path: where it is, the start of each finding's path.
        inline: it belongs to a step's run, which must end by itself.
    """
    findings: list[Finding] = []

    def wrong(field: str, message: str) -> None:
        findings.append(Finding(f"{path}.{field}", message))

    for field, length in (("interval", checked.interval), ("initialDelay", checked.initial_delay)):
        if length:
            try:
                parse_duration(length)
            except ValueError as error:
                wrong(field, str(error))
    if findings:
        return findings
    try:
        wanted = limits.of(checked)
    except ValueError as error:
        return [Finding(path, str(error))]
    if checked.provider.prometheus is None:
        wrong("provider", "names nobody who answers; give prometheus")
    if wanted.count is not None and wanted.count > 1 and wanted.interval is None:
        wrong("count", f"is {wanted.count} without an interval; give interval, e.g. 30s")
    if wanted.count is None and inline and not wanted.consecutive_success:
        wrong(
            "count",
            "is missing: a step's analysis must end; give count, or run it in canary.analysis",
        )
    if wanted.failure < -1:
        wrong("failureLimit", f"is {wanted.failure}; write a whole number from 0, or -1 for any")
    if wanted.failure == -1 and not wanted.consecutive_success:
        wrong("failureLimit", "is -1 without consecutiveSuccessLimit: nothing could ever fail")
    for field, value in (
        ("count", limits.whole(checked.count or 0)),
        ("inconclusiveLimit", wanted.inconclusive),
        ("consecutiveErrorLimit", wanted.consecutive_error or 0),
        ("consecutiveSuccessLimit", wanted.consecutive_success),
    ):
        if value < 0:
            wrong(field, f"is {value}; write a whole number from 0")
    if wanted.count is not None:
        for field, value in (
            ("failureLimit", wanted.failure),
            ("inconclusiveLimit", wanted.inconclusive),
            ("consecutiveSuccessLimit", wanted.consecutive_success),
        ):
            if value > wanted.count:
                wrong(field, f"is {value}, more than count {wanted.count}: it can't be reached")
    return findings
