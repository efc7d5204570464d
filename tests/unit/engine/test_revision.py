"""I8: hashes that no upgrade, restart, client or order of keys changes.

The values below are a promise: whoever changes one starts a rollout of every Rollout there is.
"""

from typing import Any

from davy.api.rollout import CanaryStep
from davy.api.template_hash import template_hash
from davy.engine import revision

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "cart"}},
    "spec": {"containers": [{"name": "app", "image": "cart:1"}]},
}
STEPS: list[dict[str, Any]] = [
    {"setWeight": 10},
    {"pause": {"duration": "30s"}},
    {"pause": {}},
    {"analysis": {"templates": [{"templateName": "errors"}]}},
]


def steps_hash(*steps: dict[str, Any]) -> str:
    return revision.steps_hash([CanaryStep.model_validate(step) for step in steps])


def test_the_hashes_are_what_they_always_were() -> None:
    """Of canonical JSON of the user's own fields, ten hex digits of SHA-256."""
    assert template_hash(TEMPLATE) == "ae6a42bfda"
    assert steps_hash(*STEPS) == "20a3bcf87d"
    assert steps_hash() == "4f53cda18c"
    assert template_hash({"metadata": {"annotations": {"team": "Käse"}}}) == "37636f443e"


def test_the_order_of_keys_and_nulls_say_nothing() -> None:
    """Clients write them as they like; an absent field and a null are the same to the server."""
    container = {"image": "cart:1", "name": "app", "command": None}
    same = {"spec": {"containers": [container], "nodeName": None}, "metadata": TEMPLATE["metadata"]}
    assert template_hash(same) == template_hash(TEMPLATE)


def test_every_field_of_the_users_counts() -> None:
    """The order of a list too: of containers, of steps."""
    others: list[dict[str, Any]] = [
        {**TEMPLATE, "metadata": {"labels": {"app": "cart", "tier": "web"}}},
        {**TEMPLATE, "spec": {"containers": [{"name": "app", "image": "cart:2"}]}},
        {**TEMPLATE, "spec": {"containers": [{"name": "app", "image": "cart:1"}], "x": ""}},
    ]
    hashes = {template_hash(each) for each in (TEMPLATE, *others)}
    assert len(hashes) == 4
    assert steps_hash(*STEPS) != steps_hash(*STEPS[::-1])
    assert steps_hash({"pause": {}}) != steps_hash({"pause": {"duration": 1}})
