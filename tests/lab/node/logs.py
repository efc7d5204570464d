"""What a kubelet serves for `kubectl logs`: the files the containers write to."""

import asyncio
import contextlib
import ssl
from collections import deque
from pathlib import Path
from typing import Final

from aiohttp import web

_POLL_SECONDS: Final = 0.1


async def serve(logs: Path, host: str, port: int, certificate: Path, key: Path) -> web.AppRunner:
    """A running server of `/containerLogs/NAMESPACE/POD/CONTAINER`; to be cleaned up by the caller.

    Args:
        logs: the folder with a folder `NAMESPACE_POD` per pod.
        host: the node's address.
        port: the node's kubelet port.
        certificate: any; the API server doesn't check a kubelet's without being told to.
        key: the certificate's.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        return await _answer(request, logs)

    application = web.Application()
    application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    await web.TCPSite(runner, host, port, ssl_context=tls).start()
    return runner


async def _answer(request: web.Request, logs: Path) -> web.StreamResponse:
    where = request.match_info
    previous = ".previous" if request.query.get("previous") == "true" else ""
    path = logs / f"{where['namespace']}_{where['pod']}" / f"{where['container']}{previous}.log"
    try:
        file = path.open("rb")
    except OSError:
        return web.Response(text="")
    with file:
        tail = request.query.get("tailLines")
        lines = deque(file, maxlen=int(tail) if tail else None)
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        await response.write(b"".join(lines))
        if request.query.get("follow") == "true":
            with contextlib.suppress(ConnectionError):
                while True:
                    await response.write(file.read())
                    await asyncio.sleep(_POLL_SECONDS)
        return response
