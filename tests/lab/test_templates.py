"""I8: what the real API server makes of pod templates, and of each way to say them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from davy.api.template_hash import template_hash
from tests.lab.kube import Json
from tests.lab.lab import Lab
from tests.unit.api.pod_templates import FEATURES, SPELLINGS, templates
from tests.unit.api.test_template_hash import the_hashes

SERVED = Path(__file__).parents[1] / "unit" / "api" / "golden" / "served_templates.json"
AT_ONCE = 16


async def served(lab: Lab, namespace: str, found: dict[str, Json]) -> dict[str, Json]:
    """By name, the template that a ReplicaSet of each would have."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(template: Json) -> Json:
        document: Any = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "cart"},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "cart"}},
                "template": template,
            },
        }
        async with places:
            made = await lab.kube.create(document, namespace=namespace, dry_run=True)
        answered: Json = made["spec"]["template"]
        return answered

    answers = await asyncio.gather(*(one(template) for template in found.values()))
    return dict(zip(found, answers, strict=True))


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_every_way_to_say_a_template_is_one_to_the_server(
    lab: Lab, namespace: str, spelling: str
) -> None:
    """It fills in the same, and the hash of that is the hash of what was written."""
    said = {name: SPELLINGS[spelling](template) for name, template in templates()}
    found = await served(lab, namespace, said)
    assert {name: template_hash(answer) for name, answer in found.items()} == the_hashes()


async def test_the_answers_on_file_are_the_servers(lab: Lab, namespace: str) -> None:
    """Those of templates with one feature; the unit tests read them."""
    wanted = {"plain", *FEATURES}
    found = await served(lab, namespace, {n: t for n, t in templates() if n in wanted})
    assert found == json.loads(SERVED.read_text())
