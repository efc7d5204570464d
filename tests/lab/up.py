"""`make lab`: a lab for a person, until Ctrl-C or until a given command ends."""

import asyncio
import os
import sys
from collections.abc import Sequence

from tests.lab import assets
from tests.lab.errors import LabError
from tests.lab.lab import Lab


def main(argv: Sequence[str]) -> int:
    """The exit code of `argv`, or 0 after Ctrl-C when there is none; 1 if the lab didn't start."""
    try:
        return asyncio.run(_stay(argv))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nlab: down")
        return 0


async def _stay(argv: Sequence[str]) -> int:
    async with Lab.start() as lab:
        if argv:
            return await _run(argv, lab)
        print(await how_to_look_around(lab), flush=True)
        await asyncio.Event().wait()
    return 0


async def _run(argv: Sequence[str], lab: Lab) -> int:
    environment = {**os.environ, "KUBECONFIG": str(lab.kubeconfig)}
    try:
        process = await asyncio.create_subprocess_exec(*argv, env=environment)
    except OSError as error:
        raise LabError(f"{argv[0]}: {error.strerror}") from error
    return await process.wait()


async def how_to_look_around(lab: Lab) -> str:
    """The commands by which another shell, outside, uses this lab; opens the lab to it."""
    found = await lab.open_to_outside()
    kubectl = assets.find()[0]["kubectl"]
    lines = [
        "",
        "From another shell:",
        "",
        f"  export KUBECONFIG={found['kubeconfig']}",
        f"  alias kubectl={kubectl}",
        "  kubectl get pods -A",
        f"  curl -H 'Host: shop.example.com' {found['istio-gateway']}/    # VirtualServices",
        f"  curl -H 'Host: shop.example.com' {found['gateway-api']}/    # HTTPRoutes",
        f"  curl '{found['prometheus']}/api/v1/query?query=up'",
        "",
        "  python -m tests.lab join    # a shell inside: pods answer at their IPs",
        "",
        f"Logs: {lab.folder}/logs and {lab.folder}/pods. Ctrl-C ends everything.",
    ]
    return "\n".join(lines)
