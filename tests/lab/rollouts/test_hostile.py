"""Objects that the API server takes and nobody sane writes: nobody else's rollout stops."""

import copy
import json
from typing import Any

from tests.lab.component import Component
from tests.lab.rollouts.conftest import OpenShop

LEVELS = 9000
STEPS: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]


async def test_an_object_nested_without_end_stops_nobody(
    open_shop: OpenShop, namespace: str, davy: Component
) -> None:
    """Ten thousand levels in a pod template; Davy starts beside it, and says what is wrong."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    deep = copy.deepcopy(shop.rollout)
    deep["metadata"] = {"name": "deep", "namespace": namespace}
    deep["spec"]["template"]["spec"]["x"] = "DEEP"
    text = json.dumps(deep).replace('"DEEP"', '{"a":' * LEVELS + "1" + "}" * LEVELS)
    kube, path = shop.lab.kube, f"/apis/davy.dev/v1alpha1/namespaces/{namespace}/rollouts"
    headers = {"Content-Type": "application/json"}
    async with kube._connected().post(kube._server + path, data=text, headers=headers) as answer:
        assert answer.status == 201
    await davy.kill()
    await davy.start()

    async def is_refused() -> bool:
        return "nests more than" in await kube.text(f"{path}/deep")  # too deep to be parsed

    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    await shop.lab.until(is_refused, describe="deep is refused", namespace=namespace)
