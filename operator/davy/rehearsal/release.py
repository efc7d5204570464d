"""What is judged of an update: a Rollout's analyses, their templates, the two revisions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from davy.analysis import resolve, templates
from davy.analysis.comparisons import Around
from davy.analysis.templates import Find
from davy.api.analysis import AnalysisRef, AnalysisRunSpec, RunArg
from davy.api.errors import Finding, InvalidObject
from davy.api.group import POD_TEMPLATE_HASH_LABEL, ApiGroup
from davy.api.rollout import RolloutSpec
from davy.api.template_hash import digest, template_hash


@dataclass(frozen=True)
class Release:
    """A revision that comes, or came, to another one."""

    manifest: Mapping[str, Any]
    """The Rollout, with a namespace."""
    spec: RolloutSpec
    """Of it, with its workload's template and selector."""
    find: Find
    """Its templates."""
    stable_hash: str
    canary_hash: str
    around: Around | None = None
    """What comparisons need to know; None: nobody is asked."""
    given: tuple[RunArg, ...] = ()
    """Arguments that count more than the Rollout's."""
    where: str = "in the files given"
    """Its templates are looked for there."""

    @classmethod
    def coming(cls, manifest: Mapping[str, Any], spec: RolloutSpec, find: Find) -> "Release":
        """The template as it is written comes to some other one."""
        canary = template_hash(spec.template)
        stable = digest({POD_TEMPLATE_HASH_LABEL: canary})
        return cls(manifest, spec, find, stable_hash=stable, canary_hash=canary)

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

    def run_spec(self, analysis: AnalysisRef, *, inline: bool) -> AnalysisRunSpec:
        """What an analysis of this update measures.

        Raises:
            InvalidObject: a template is absent or can't be read, or they don't fit together.
        """
        nest = templates.flattened(analysis.templates or (), self.find)
        wrong = [*nest.findings, *map(self._absent, nest.absent)]
        if wrong:
            raise InvalidObject(wrong)
        given = {arg.name for arg in self.given}
        args = [arg for arg in analysis.args or () if arg.name not in given]
        return resolve.run_spec(
            nest.templates,
            analysis.model_copy(update={"args": [*args, *self.given] or None}),
            manifest=self.manifest,
            stable_hash=self.stable_hash,
            latest_hash=self.canary_hash,
            inline=inline,
            around=self.around,
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

    def _absent(self, absent: templates.Absent) -> Finding:
        kind = templates.kind_of(cluster_scope=absent.ref.cluster_scope)
        message = f"names the {kind} {absent.ref.template_name}, which isn't {self.where}"
        return Finding(absent.path, message)
