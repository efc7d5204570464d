"""Reads analysis templates, and those that they name."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from davy.analysis import templates
from davy.api import findings
from davy.api.analysis import AnalysisTemplateSpec, TemplateRef
from davy.api.errors import InvalidObject, NotFound
from davy.api.group import ApiGroup
from davy.cluster.kinds import Kinds

if TYPE_CHECKING:
    from davy.cluster.client import Api


async def read(
    api: "Api", group: ApiGroup, namespace: str, refs: Sequence[TemplateRef]
) -> Mapping[TemplateRef, templates.Template | None]:
    """Every template that these lead to, each read once; None: there is none.

    Raises:
        InvalidObject: one can't be read.
        davy.api.errors.ApiFailure: the server said no, or can't be reached.
    """
    kinds = Kinds(group)
    found: dict[TemplateRef, templates.Template | None] = {}
    while True:
        nest = templates.flattened(refs, found.get)
        missing = [wanted for wanted in nest.asked if wanted not in found]
        if not missing:
            return found
        for wanted in missing:
            scope = wanted.cluster_scope
            kind = kinds.cluster_analysis_template if scope else kinds.analysis_template
            try:
                held = await api.get(kind, namespace, wanted.template_name)
            except NotFound:
                found[wanted] = None
            else:
                spec = _spec(held, wanted)
                found[wanted] = templates.Template(wanted.template_name, spec, scope)


def _spec(found: dict[str, Any], ref: TemplateRef) -> AnalysisTemplateSpec:
    what = f"{templates.kind_of(cluster_scope=ref.cluster_scope)} {ref.template_name}"
    try:
        return AnalysisTemplateSpec.model_validate(found.get("spec") or {})
    except ValidationError as error:
        raise InvalidObject(findings.of(error, AnalysisTemplateSpec, what)) from None
