"""The rule that keeps a canary's pods from stable's nodes, among the user's own."""

from typing import Any

import pytest

from davy.api.anti_affinity import AntiAffinity, Apart, changed, read

MUST, WISH, OTHER = Apart("abc", None), Apart("abc", 50), Apart("def", None)
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
OWN: dict[str, Any] = {
    "nodeAffinity": {"some": "rule"},
    "podAntiAffinity": {REQUIRED: [{"topologyKey": "zone"}]},
}


def term(template_hash: str) -> dict[str, Any]:
    """As Argo Rollouts writes it."""
    chosen = {"key": "rollouts-pod-template-hash", "operator": "In", "values": [template_hash]}
    return {
        "labelSelector": {"matchExpressions": [chosen]},
        "topologyKey": "kubernetes.io/hostname",
    }


def test_a_must_and_a_wish_are_terms_of_their_kinds() -> None:
    """By node, and by the other revision's hash."""
    assert changed({}, None, MUST) == {"podAntiAffinity": {REQUIRED: [term("abc")]}}
    wished = [{"weight": 50, "podAffinityTerm": term("abc")}]
    assert changed({}, None, WISH) == {"podAntiAffinity": {PREFERRED: wished}}


@pytest.mark.parametrize("affinity", [None, {}, OWN], ids=["none", "empty", "own"])
def test_a_rule_comes_changes_and_goes_and_the_users_own_stay(affinity: Any) -> None:
    """I9: what was there before is there after, in its order."""
    spec: dict[str, Any] = {"affinity": affinity}
    before = None
    for after in (MUST, WISH, OTHER, OTHER, None):
        spec = {"affinity": changed(spec, before, after)}
        before = after
    assert (spec["affinity"] or None) == (affinity or None)


@pytest.mark.parametrize(
    "affinity", ["x", [1], {"podAntiAffinity": "x"}, {"podAntiAffinity": {REQUIRED: "x"}}]
)
def test_what_is_no_affinity_stays_for_the_api_server_to_refuse(affinity: Any) -> None:
    """A user's slip is told by whom it is for."""
    assert changed({"affinity": affinity}, None, MUST) == affinity


@pytest.mark.parametrize("apart", [MUST, WISH, Apart("x" * 63, 100)])
def test_what_is_recorded_reads_the_same_again(apart: Apart) -> None:
    """In an annotation."""
    assert read(str(apart)) == apart


@pytest.mark.parametrize("text", ["", " ", "abc 0", "abc 1000", "abc x", "a-b", "abc  5", "abc\n"])
def test_what_somebody_else_wrote_is_no_record(text: str) -> None:
    """It names no rule to take away."""
    assert read(text) is None


def test_the_field_says_which() -> None:
    """A must is an empty object, as in Argo."""
    assert AntiAffinity.model_validate({REQUIRED: {}}).from_("abc") == MUST
    assert AntiAffinity.model_validate({PREFERRED: {"weight": 50}}).from_("abc") == WISH
