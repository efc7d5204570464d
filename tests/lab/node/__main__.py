"""`python -m tests.lab.node KUBECONFIG LOGS BACK_OFF_SECONDS CERTIFICATE KEY`: the node agent."""

import asyncio
import sys
from pathlib import Path

from tests.lab import netlink
from tests.lab.kube import Kube
from tests.lab.node import logs as node_logs
from tests.lab.node.agent import KUBELET_PORT, Agent


async def main(kubeconfig: Path, logs: Path, back_off: float, certificate: Path, key: Path) -> None:
    """Run the agent until the process is ended; its pods end with it."""
    async with Kube.from_kubeconfig(kubeconfig) as kube:
        served = await node_logs.serve(logs, netlink.CONTROL_PLANE, KUBELET_PORT, certificate, key)
        try:
            await Agent(kube, logs, back_off=back_off).run()
        finally:
            await served.cleanup()


if __name__ == "__main__":
    if sys.version_info < (3, 12):
        # One pidfd per process instead of one thread: the lab has thousands of processes in view.
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    own = sys.argv[1:]
    asyncio.run(main(Path(own[0]), Path(own[1]), float(own[2]), Path(own[3]), Path(own[4])))
