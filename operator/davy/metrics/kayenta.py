"""Kayenta, Spinnaker's canary judge: a judgement is begun, and looked at until it has a score.

Its interface: GET /canaryConfig lists the configurations of an application, POST /canary/ID begins
a judgement by one, and GET /canary/EXECUTION says how far it is. What Kayenta decides is not asked
of a condition: the score is compared with the metric's thresholds, as in Argo.

A judgement that can't be read is no evidence, and the next measurement begins another; so does one
that was begun by an operator that was killed before it wrote that down. Kayenta ends each of them.
"""

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import requests

from davy.analysis.answer import Answered, Decided, NotAnswered, Underway
from davy.api.analysis import Measurement, Metric, Phase
from davy.api.fields import format_instant, parse_duration
from davy.api.vendors import KayentaMetric, KayentaScopeDetail
from davy.metrics import documents, wire
from davy.metrics.addresses import Addresses
from davy.metrics.asking import Asker, Question
from davy.metrics.clock import Now
from davy.metrics.line import Session, Timeout

EXECUTION: Final = "canaryExecutionId"
"""Key of a measurement's metadata, as Argo writes it."""
LONGEST: Final = timedelta(hours=1)
"""A judgement without an end for so long isn't waited for."""
_SECONDS: Final = 15
_NAMES_TOLD: Final = 8
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_OK: Final = 200
_NO_DATA: Final = ("Nodata", "NodataFailMetric")
"""Classifications of a metric for which neither side, or not both, had values."""


class Kayenta:
    """The provider; one for the process, used from one event loop.

    Args:
        addresses: that may be called.
        now: the present, UTC.
    """

    def __init__(self, addresses: Addresses, now: Now) -> None:
        self._now = now
        self._asker = Asker(addresses, now, "kayenta")

    async def measure(self, metric: Metric) -> Underway | NotAnswered:
        """Begins a judgement."""
        asked = metric.provider.kayenta
        if asked is None:
            return NotAnswered(f"metric {metric.name} names no Kayenta")
        scopes = _scopes(asked, metric.interval, self._now())
        answer = await self._ask(asked, partial(_begin, asked, scopes))
        if isinstance(answer, NotAnswered):
            return answer
        return _underway(asked, str(answer.value))

    async def resume(self, metric: Metric, held: Measurement) -> Underway | Decided | NotAnswered:
        """Looks at the judgement that this measurement began."""
        asked, execution = metric.provider.kayenta, (held.metadata or {}).get(EXECUTION, "")
        if asked is None or not _ID.fullmatch(execution):
            return NotAnswered(f"metric {metric.name} has no {EXECUTION} of Kayenta's to look at")
        answer = await self._ask(asked, partial(_look, asked, execution))
        if isinstance(answer, NotAnswered):
            return answer
        score = answer.value
        if isinstance(score, float):
            return decided(score, asked)
        begun = held.started_at or self._now()
        if self._now() - begun > LONGEST:
            hours = LONGEST // timedelta(hours=1)
            where = wire.shown(asked.address)
            return NotAnswered(f"{where} hasn't judged {execution} within {hours} h")
        return _underway(asked, execution)

    async def close(self) -> None:
        """See `Asker.close`."""
        await self._asker.close()

    async def _ask(self, asked: KayentaMetric, put: Any) -> Answered | NotAnswered:
        return await self._asker.ask(
            Question(
                address=asked.address,
                seconds=_SECONDS,
                insecure=False,
                ca_cert=None,
                authentication=None,
                put=put,
            )
        )


def decided(score: float, asked: KayentaMetric) -> Decided:
    """What a score means, as in Argo: between the thresholds it is inconclusive."""
    limit = asked.threshold
    phase: Any = Phase.FAILED
    if score >= limit.pass_:
        phase = Phase.SUCCESSFUL
    elif score >= limit.marginal:
        phase = Phase.INCONCLUSIVE
    told = f"score {score:g}, pass from {limit.pass_}, marginal from {limit.marginal}"
    return Decided(phase, told, value=f"{score:g}")


def read_config(body: bytes, where: str, asked: KayentaMetric) -> str:
    """The id of the metric's canary config, in the list of them.

    Raises:
        documents.Unreadable: it isn't there, or this is no such list.
    """
    found = documents.parsed(body, where)
    if not isinstance(found, list):
        raise documents.strange(where, "Kayenta's", body)
    ids = {
        documents.field(one, "name"): documents.field(one, "id")
        for one in found
        if isinstance(documents.field(one, "name"), str)
    }
    wanted = ids.get(asked.canary_config_name)
    if isinstance(wanted, str) and wanted:
        return wanted
    known = wire.plain(", ".join(sorted(ids)[:_NAMES_TOLD])) or "none"
    raise documents.Unreadable(
        f"{where} has no canary config {asked.canary_config_name} of application "
        f"{asked.application} in account {asked.configuration_account_name}; it has {known}"
    )


def read_begun(body: bytes, where: str) -> str:
    """The id of the judgement that was begun.

    Raises:
        documents.Unreadable: there is none.
    """
    found = documents.field(documents.parsed(body, where), EXECUTION)
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise documents.strange(where, "Kayenta's", body)
    return found


def read_score(body: bytes, where: str) -> float | None:
    """The score, 0 to 100; None: the judgement is under way.

    Raises:
        documents.Unreadable: it ended without one, or without data, which Kayenta scores with 0.
    """
    document = documents.parsed(body, where)
    complete = documents.field(document, "complete")
    if not isinstance(complete, bool):
        raise documents.strange(where, "Kayenta's", body)
    if not complete:
        return None
    judged = documents.field(document, "result", "judgeResult")
    score = documents.field(judged, "score", "score")
    number = None if score is None else documents.number(score)
    if number is None or not math.isfinite(number):
        status = wire.plain(str(documents.field(document, "status")))
        raise documents.Unreadable(f"{where} ended the judgement without a score: {status}")
    results = documents.field(judged, "results")
    if isinstance(results, list) and results and all(map(_had_no_data, results)):
        raise documents.Unreadable(f"{where} had no data for any metric of the judgement")
    return number


def _had_no_data(result: Any) -> bool:
    return documents.field(result, "classification") in _NO_DATA


def _begin(
    asked: KayentaMetric, scopes: Mapping[str, Any], session: Session, timeout: Timeout
) -> Answered | NotAnswered:
    """Asks for the configuration, and begins."""
    base, where = asked.address.rstrip("/"), wire.shown(asked.address)
    of_config = {
        "application": asked.application,
        "configurationAccountName": asked.configuration_account_name,
    }
    try:
        session.request("GET", f"{base}/canaryConfig", params=of_config, timeout=timeout)
        _check(session)
        config = read_config(session.body, where, asked)
        session.request(
            "POST",
            f"{base}/canary/{quote(config, safe='')}",
            params={
                **of_config,
                "metricsAccountName": asked.metrics_account_name,
                "storageAccountName": asked.storage_account_name,
            },
            json={
                "scopes": scopes,
                "thresholds": {"pass": asked.threshold.pass_, "marginal": asked.threshold.marginal},
            },
            timeout=timeout,
        )
        _check(session)
        return Answered(read_begun(session.body, where))
    except documents.Unreadable as error:
        return error.answer


def _look(
    asked: KayentaMetric, execution: str, session: Session, timeout: Timeout
) -> Answered | NotAnswered:
    session.request(
        "GET",
        f"{asked.address.rstrip('/')}/canary/{quote(execution, safe='')}",
        params={"storageAccountName": asked.storage_account_name},
        timeout=timeout,
    )
    _check(session)
    try:
        return Answered(read_score(session.body, wire.shown(asked.address)))
    except documents.Unreadable as error:
        return error.answer


def _check(session: Session) -> None:
    if session.status != _OK:
        raise requests.HTTPError


def _scopes(asked: KayentaMetric, interval: str | None, now: datetime) -> dict[str, Any]:
    """By name, with their times."""
    return {
        one.name: {
            "controlScope": _scope(one.control_scope, interval, now),
            "experimentScope": _scope(one.experiment_scope, interval, now),
        }
        for one in asked.scopes
    }


def _scope(scope: KayentaScopeDetail, interval: str | None, now: datetime) -> dict[str, Any]:
    """What is compared, until now where no end is given, and for the metric's interval.

    Newer Kayentas call the region `location`; Argo sends the older name.
    """
    start = now - parse_duration(interval or "0s")
    region = {"region": scope.region, "location": scope.region} if scope.region else {}
    return {
        "scope": scope.scope,
        **region,
        "step": scope.step,
        "start": scope.start or format_instant(start),
        "end": scope.end or format_instant(now),
    }


def _underway(asked: KayentaMetric, execution: str) -> Underway:
    message = f"{wire.shown(asked.address)} is judging {execution}"
    return Underway(Phase.RUNNING, message, {EXECUTION: execution})
