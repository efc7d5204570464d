"""The update that is played: a Rollout and its templates, as files have them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from davy.analysis import resolve, templates
from davy.analysis.templates import Find
from davy.api.analysis import AnalysisRef, AnalysisRunSpec
from davy.api.errors import Finding, InvalidObject
from davy.api.group import POD_TEMPLATE_HASH_LABEL, ApiGroup
from davy.api.rollout import RolloutSpec
from davy.api.template_hash import digest, template_hash


@dataclass(frozen=True)
class Release:
    """A revision that comes to a healthy one."""

    manifest: Mapping[str, Any]
    """The Rollout, with a namespace."""
    spec: RolloutSpec
    """Of it, with its workload's template and selector."""
    find: Find
    """Its templates."""

    @property
    def namespace(self) -> str:
        """Of the Rollout."""
        return str(self.manifest["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Of the Rollout."""
        return str(self.manifest["metadata"]["name"])

    def __str__(self) -> str:
        """As sentences name it."""
        return f"{self.namespace}/{self.name}"

    @property
    def group(self) -> ApiGroup:
        """Whose defaults hold."""
        return ApiGroup(str(self.manifest["apiVersion"]).partition("/")[0])

    @property
    def canary_hash(self) -> str:
        """Of the revision that comes: the template as it is written."""
        return template_hash(self.spec.template)

    @property
    def stable_hash(self) -> str:
        """Of the revision that is there: some other template."""
        return digest({POD_TEMPLATE_HASH_LABEL: self.canary_hash})

    def run_spec(self, analysis: AnalysisRef, *, inline: bool) -> AnalysisRunSpec:
        """What an analysis of this update measures.

        Raises:
            InvalidObject: a template is absent or can't be read, or they don't fit together.
        """
        nest = templates.flattened(analysis.templates or (), self.find)
        wrong = [*nest.findings, *map(_absent, nest.absent)]
        if wrong:
            raise InvalidObject(wrong)
        return resolve.run_spec(
            nest.templates,
            analysis,
            manifest=self.manifest,
            stable_hash=self.stable_hash,
            latest_hash=self.canary_hash,
            inline=inline,
        )

    def analyses(self) -> Iterator[tuple[str, AnalysisRunSpec]]:
        """What each analysis measures, by its path in the Rollout.

        Raises:
            InvalidObject: one can't be made; findings begin with its path.
        """
        for path, analysis in self.spec.strategy.canary.analyses:
            try:
                yield path, self.run_spec(analysis, inline=".steps[" in path)
            except InvalidObject as error:
                raise InvalidObject([Finding(path, str(one)) for one in error.findings]) from None


def _absent(absent: templates.Absent) -> Finding:
    kind = templates.kind_of(cluster_scope=absent.ref.cluster_scope)
    message = f"names the {kind} {absent.ref.template_name}, which isn't in the files given"
    return Finding(absent.path, message)
