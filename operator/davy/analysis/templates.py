"""References to templates -> the templates, with those that they name themselves.

As in Argo, a template may name others, whose metrics, arguments and rules are merged with its own;
one that is named on several ways counts once. Names are looked up in the rollout's namespace, also
those that a ClusterAnalysisTemplate names. Argo follows a circle until it crashes; here it is a
finding, as is a nest that is too deep or too large to be meant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from davy.api.analysis import AnalysisTemplateSpec, TemplateRef
from davy.api.errors import Finding, InvalidObject

DEEPEST: Final = 8
"""Templates on the way from the rollout to the innermost one."""
MOST: Final = 64
"""Templates of one run."""


@dataclass(frozen=True)
class Template:
    """An AnalysisTemplate or a ClusterAnalysisTemplate, as read."""

    name: str
    spec: AnalysisTemplateSpec
    cluster_scope: bool = False

    def __str__(self) -> str:
        return f"{kind_of(cluster_scope=self.cluster_scope)} {self.name}"


@dataclass(frozen=True)
class Absent:
    """A reference that leads nowhere."""

    path: str
    """Of the reference's templateName; of one within a template it begins with that template."""
    ref: TemplateRef


@dataclass
class Nest:
    """What references lead to."""

    templates: list[Template] = field(default_factory=list)
    """Each once; one before those that it names."""
    asked: list[TemplateRef] = field(default_factory=list)
    """All that were looked for, there or not."""
    absent: list[Absent] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """What is wrong with the others: unreadable, in a circle, too deep, too many."""


Find = Callable[[TemplateRef], Template | None]
"""The template; None: it isn't there. May raise InvalidObject: it can't be read."""


def flattened(refs: Sequence[TemplateRef], find: Find) -> Nest:
    """The templates behind a rollout's references."""
    nest = Nest()
    _walk(nest, refs, find, ())
    return nest


def kind_of(*, cluster_scope: bool) -> str:
    """Of a template, as sentences name it."""
    return "ClusterAnalysisTemplate" if cluster_scope else "AnalysisTemplate"


def _walk(nest: Nest, refs: Sequence[TemplateRef], find: Find, trail: tuple[Template, ...]) -> None:
    where = f"{trail[-1]}: " if trail else ""
    for index, ref in enumerate(refs):
        path = f"{where}templates[{index}].templateName"
        circle = [each for each in trail if _is(each, ref)]
        if circle:
            way = " → ".join(map(str, (*trail[trail.index(circle[0]) :], circle[0])))
            nest.findings.append(Finding(path, f"leads in a circle ({way}); take it out"))
            continue
        if ref in nest.asked:
            continue
        if len(trail) == DEEPEST:
            message = f"is nested more than {DEEPEST} deep; name it in the rollout's analysis"
            nest.findings.append(Finding(path, message))
            continue
        if len(nest.asked) == MOST:
            message = f"is one template too many; a run is made of {MOST} at most"
            nest.findings.append(Finding(path, message))
            return
        nest.asked.append(ref)
        try:
            found = find(ref)
        except InvalidObject as error:
            nest.findings += error.findings
            continue
        if found is None:
            nest.absent.append(Absent(path, ref))
            continue
        nest.templates.append(found)
        _walk(nest, found.spec.templates or (), find, (*trail, found))


def _is(template: Template, ref: TemplateRef) -> bool:
    return (template.name, template.cluster_scope) == (ref.template_name, ref.cluster_scope)
