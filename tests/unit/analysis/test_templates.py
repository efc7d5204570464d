"""From references to templates, and to those that they name."""

import pytest

from davy.analysis import templates
from davy.analysis.templates import Template
from davy.api.analysis import AnalysisTemplateSpec, TemplateRef
from davy.api.errors import Finding, InvalidObject

CLUSTER = "cluster/"
"""Before a name: a ClusterAnalysisTemplate."""


def a_ref(name: str) -> TemplateRef:
    return TemplateRef(
        template_name=name.removeprefix(CLUSTER), cluster_scope=name.startswith(CLUSTER)
    )


def nest(*named: str, **known: list[str]) -> templates.Nest:
    """What these names lead to, where templates name others as `known` says."""

    def find(ref: TemplateRef) -> Template | None:
        if ref.template_name not in known:
            return None
        if known[ref.template_name] == ["unreadable"]:
            raise InvalidObject([Finding(ref.template_name, "can't be read")])
        refs = [a_ref(name) for name in known[ref.template_name]]
        spec = AnalysisTemplateSpec(templates=refs)
        return Template(ref.template_name, spec, ref.cluster_scope)

    return templates.flattened([a_ref(name) for name in named], find)


def names(found: templates.Nest) -> list[str]:
    return [template.name for template in found.templates]


def told(found: templates.Nest) -> list[str]:
    return [str(finding) for finding in found.findings]


def test_templates_come_before_those_that_they_name() -> None:
    """In the order in which a person reads them."""
    found = nest("a", "d", a=["b", "c"], b=[], c=[], d=[])
    assert names(found) == ["a", "b", "c", "d"]
    assert told(found) == []


def test_a_template_that_is_named_on_two_ways_counts_once() -> None:
    """As in Argo: its metrics would clash with themselves."""
    found = nest("a", "b", a=["c"], b=["c", "a"], c=[])
    assert names(found) == ["a", "c", "b"]
    assert told(found) == []


def test_the_two_kinds_are_told_apart() -> None:
    """A ClusterAnalysisTemplate may have the name of an AnalysisTemplate, and name it."""
    found = nest(f"{CLUSTER}a", a=["b"], b=[])
    assert [str(template) for template in found.templates] == [
        "ClusterAnalysisTemplate a",
        "AnalysisTemplate b",
    ]
    both = nest("a", f"{CLUSTER}a", a=[])
    assert [template.cluster_scope for template in both.templates] == [False, True]


def test_what_is_not_there_is_named_with_its_way() -> None:
    """And asked for: who waits for it must hear when it comes."""
    found = nest("x", "a", a=["b", "y"], b=[])
    assert [(absent.path, absent.ref.template_name) for absent in found.absent] == [
        ("templates[0].templateName", "x"),
        ("AnalysisTemplate a: templates[1].templateName", "y"),
    ]
    assert [ref.template_name for ref in found.asked] == ["x", "a", "b", "y"]


def test_what_cant_be_read_is_told_with_the_others() -> None:
    """A person mends them in one go."""
    assert told(nest("a", "b", a=["unreadable"], b=["unreadable"])) == [
        "a: can't be read",
        "b: can't be read",
    ]


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (
            {"a": ["a"]},
            (
                "AnalysisTemplate a: templates[0].templateName: leads in a circle "
                "(AnalysisTemplate a → AnalysisTemplate a); take it out"
            ),
        ),
        (
            {"a": ["b"], "b": ["c"], "c": ["b"]},
            (
                "AnalysisTemplate c: templates[0].templateName: leads in a circle "
                "(AnalysisTemplate b → AnalysisTemplate c → AnalysisTemplate b); take it out"
            ),
        ),
    ],
    ids=["itself", "another"],
)
def test_a_circle_is_refused(known: dict[str, list[str]], says: str) -> None:
    """With the names on the way."""
    assert told(nest("a", **known)) == [says]


def test_what_is_wrong_hides_nothing_beside_it() -> None:
    """A circle, a template on two ways, one that can't be read: the next one is still looked at."""
    found = nest("a", a=["a", "b", "b", "bad", "c"], b=[], bad=["unreadable"], c=[])
    assert names(found) == ["a", "b", "c"]
    assert len(told(found)) == 2
    chain = {f"t{n}": [f"t{n + 1}"] for n in range(1, 9)} | {"t9": [], "x": []}
    chain["t8"] = ["t9", "x", "t1"]
    places = [finding.path for finding in nest("t1", **chain).findings]
    assert places == [f"AnalysisTemplate t8: templates[{n}].templateName" for n in range(3)]


def test_a_template_may_name_none() -> None:
    """Most do."""
    spec = AnalysisTemplateSpec()
    found = templates.flattened([a_ref("a")], lambda _: Template("a", spec))
    assert [template.spec for template in found.templates] == [spec]


def test_a_nest_that_is_too_deep_is_refused() -> None:
    """Eight on the way are allowed."""
    chain = {f"t{n}": [f"t{n + 1}"] for n in range(1, 9)} | {"t9": []}
    assert told(nest("t2", **chain)) == []
    (finding,) = told(nest("t1", **chain))
    assert finding.startswith("AnalysisTemplate t8: templates[0].templateName: is nested more than")


def test_a_nest_that_is_too_large_is_refused() -> None:
    """A run has room for 64 metrics; more templates than that are no nest but an attack."""
    known = {f"t{n}": [f"t{n}-{i}" for i in range(16)] for n in range(5)}
    found = nest(*known, **known, **{name: [] for inner in known.values() for name in inner})
    assert len(found.templates) == templates.MOST
    assert told(found)[0].endswith("is one template too many; a run is made of 64 at most")
