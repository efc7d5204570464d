"""`python -m tests.lab.node KUBECONFIG LOGS BACK_OFF_SECONDS`: the node agent as a process."""

import asyncio
import sys
from pathlib import Path

from tests.lab.kube import Kube
from tests.lab.node.agent import Agent


async def main(kubeconfig: Path, logs: Path, back_off: float) -> None:
    """Run the agent until the process is ended; its pods end with it."""
    async with Kube.from_kubeconfig(kubeconfig) as kube:
        await Agent(kube, logs, back_off=back_off).run()


if __name__ == "__main__":
    if sys.version_info < (3, 12):
        # One pidfd per process instead of one thread: the lab has thousands of processes in view.
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
