"""Single requests, for what a steady load can't tell: headers, and who answered one of them."""

from collections import Counter
from collections.abc import Mapping

import aiohttp

from tests.lab.connection import as_os_errors


async def versions(
    url: str, host: str, headers: Mapping[str, str] | None = None, *, times: int = 20
) -> Counter[str]:
    """Which versions of the demo app answered so many requests; `HTTP 503` where none did.

    Args:
        url: of the gateway.
        host: the Host header.
        headers: further ones.
        times: requests, one after the other.
    """
    found: Counter[str] = Counter()
    with as_os_errors():
        async with aiohttp.ClientSession() as session:
            for _ in range(times):
                async with session.get(url, headers={"Host": host, **(headers or {})}) as answer:
                    found[answer.headers.get("x-version", f"HTTP {answer.status}")] += 1
    return found
