"""Argo's analysis templates: what is measured by providers that Davy has stays as it is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from davy.analysis import pattern
from davy.api import paths, unbuilt
from davy.migrate import objects
from davy.migrate.result import DEFAULT_PROMETHEUS, Json, Manifest, Notes, Options

_SECRETS: Final = {
    "datadog": "datadog",
    "influxdb": "influxdb",
    "newRelic": "newrelic",
    "wavefront": "wavefront-api-tokens",
}
"""Names of the Secrets that providers log in by, where a metric names none."""
KINDS: Final = ("AnalysisTemplate", "ClusterAnalysisTemplate")


@dataclass
class Template:
    """One template as far as it was carried over."""

    source: int
    kind: str
    namespace: str | None
    name: str
    manifest: Json
    notes: Notes
    missing: list[str] = field(default_factory=list)
    """Names of metrics that were left out."""

    @property
    def spec(self) -> Json:
        """Its spec; empty where there is none."""
        return objects.mapping(self.manifest.get("spec"))

    @property
    def empty(self) -> bool:
        """Something was left out, and nothing is left that would be measured."""
        spec = self.spec
        return bool(self.missing) and not spec.get("metrics") and not spec.get("templates")

    def named_by(self, ref: Any, where: str | None) -> bool:
        """Whether a reference in that namespace means this template."""
        found = objects.mapping(ref)
        kind = KINDS[1] if found.get("clusterScope") is True else KINDS[0]
        return (self.kind, self.name) == (kind, found.get("templateName")) and (
            self.kind == KINDS[1] or objects.same_namespace(self.namespace, where)
        )


def template(source: int, manifest: Manifest, options: Options, notes: Notes) -> Template:
    """The template, without the metrics that nobody would measure."""
    made: Json = {
        "apiVersion": options.group.api_version,
        "kind": manifest.get("kind"),
        "metadata": objects.metadata(manifest, notes),
        "spec": paths.copied(manifest.get("spec")),
    }
    found = Template(
        source,
        str(manifest.get("kind")),
        objects.namespace(manifest),
        objects.name(manifest),
        made,
        notes,
    )
    _addresses(found.spec, options, notes)
    for path, plugin in paths.objects({"spec": found.spec}, "spec.metrics[].provider.plugin"):
        for name in plugin:
            notes.plugin(path, name)
    for kind in ("prometheus.authentication.sigv4", "web.authentication.sigv4", "cloudWatch"):
        at = f"spec.metrics[].provider.{kind}"
        for path, _ in paths.objects({"spec": found.spec}, at):
            notes.note(path, "signs only for what `davy run --sigv4-addresses` allows")
    _secrets(found.spec, notes)
    rest, refused = unbuilt.split({"spec": made["spec"]}, unbuilt.ANALYSIS_TEMPLATE)
    made["spec"] = rest["spec"]
    for finding in refused:
        notes.lost(finding.path, finding.message)
    _without_unmeasured(found)
    return found


def without_empty(templates: Iterable[Template]) -> tuple[list[Template], list[Template]]:
    """Those that measure something, and those that don't; a circle of names stays as it is."""
    kept, gone = list(templates), list[Template]()
    while left := [one for one in kept if one.empty]:
        gone += left
        kept = [one for one in kept if one not in left]
        for one in kept:
            refs = objects.items(one.spec.get("templates"))
            rest = drop_refs(refs, one.namespace, left, "spec.templates", one.notes)
            if len(rest) < len(refs):
                one.missing += [name for other in left for name in other.missing]
                one.spec["templates"] = rest
    for one in gone:
        one.notes.lost("spec.metrics", "has no metric that can be carried over: no template")
    for one in kept:
        names = measured([one], kept)
        if one.missing and names is not None:
            drop_rules(one.spec, "spec", one.missing, names, one.notes)
    return kept, gone


def drop_refs(
    refs: list[Any], where: str | None, gone: list[Template], path: str, notes: Notes
) -> list[Any]:
    """The references whose templates are there."""
    kept = []
    for index, ref in enumerate(refs):
        if any(one.named_by(ref, where) for one in gone):
            named = objects.mapping(ref).get("templateName")
            message = f"names {named}, of which nothing could be carried over; the name is left out"
            notes.lost(paths.child(path, index), message)
        else:
            kept.append(ref)
    return kept


def reached(refs: list[Any], where: str | None, known: list[Template]) -> list[Template] | None:
    """The templates that the references lead to; None: one isn't in the files."""
    found: list[Template] = []
    todo = list(refs)
    while todo:
        ref = todo.pop()
        one = next((one for one in known if one.named_by(ref, where)), None)
        if one is None:
            return None
        if one not in found:
            found.append(one)
            todo += objects.items(one.spec.get("templates"))
    return found


def measured(start: list[Template], known: list[Template]) -> tuple[str, ...] | None:
    """Names of all metrics of these templates and of those they name; None: not all are known."""
    names: list[str] = []
    for one in start:
        nested = reached(objects.items(one.spec.get("templates")), one.namespace, known)
        if nested is None:
            return None
        for each in (one, *nested):
            metrics = objects.items(each.spec.get("metrics"))
            names += [str(objects.mapping(metric).get("name")) for metric in metrics]
    return tuple(dict.fromkeys(names))


def drop_rules(
    holder: Json, path: str, missing: list[str], names: tuple[str, ...], notes: Notes
) -> None:
    """Take out rules that picked only metrics that were left out: they would pick nothing."""
    for key in ("dryRun", "measurementRetention"):
        rules = objects.items(holder.get(key))
        idle = [rule for rule in rules if _picks(rule, tuple(missing)) and not _picks(rule, names)]
        for index, rule in enumerate(rules):
            if rule in idle:
                at = f"{paths.child(f'{path}.{key}', index)}.metricName"
                notes.lost(at, "picks only metrics that are left out; the rule is left out too")
        rest = [rule for rule in rules if rule not in idle]
        if rest:
            holder[key] = rest
        elif rules:
            del holder[key]


def _picks(rule: Any, names: tuple[str, ...]) -> bool:
    try:
        return bool(pattern.found_in(names, str(objects.mapping(rule).get("metricName"))))
    except pattern.Refused:
        return False


def _addresses(spec: Json, options: Options, notes: Notes) -> None:
    """Argo's controller may know where Prometheus is; a metric of Davy's says it."""
    for path, found in paths.objects({"spec": spec}, "spec.metrics[].provider.prometheus"):
        if not found.get("address"):
            found["address"] = options.prometheus or DEFAULT_PROMETHEUS
            tell = notes.note if options.prometheus else notes.lost
            tell(
                f"{path}.address",
                "is missing (Argo's controller had it in its environment); "
                f"{found['address']} is written" + _asked(options),
            )


def _secrets(spec: Json, notes: Notes) -> None:
    """Argo's controller has one Secret for all; Davy reads the one of the rollout's namespace."""
    for name, secret in _SECRETS.items():
        for path, found in paths.objects({"spec": spec}, f"spec.metrics[].provider.{name}"):
            ref = objects.mapping(found, "secretRef")
            if ref:
                ref["namespaced"] = True
            called = ref.get("name") or found.get("profile") or secret
            notes.note(
                path, f"logs in by Secret {called} of the rollout's namespace; copy it there"
            )


def _asked(options: Options) -> str:
    return "" if options.prometheus else ": say with --prometheus where it is"


def _without_unmeasured(template: Template) -> None:
    metrics = objects.items(template.spec.get("metrics"))
    kept = []
    for index, metric in enumerate(metrics):
        provider = objects.mapping(metric).get("provider")
        if provider == {}:
            path = f"spec.metrics[{index}].provider"
            template.notes.lost(path, "names nobody; the metric is left out")
            template.missing.append(str(metric.get("name")))
        else:
            kept.append(metric)
            for login in _logins(provider):
                if login.get("authentication") == {}:
                    del login["authentication"]
    if len(kept) < len(metrics):
        template.spec["metrics"] = kept


def _logins(provider: Any) -> Iterator[Json]:
    for name in ("prometheus", "web"):
        yield objects.mapping(provider, name)
