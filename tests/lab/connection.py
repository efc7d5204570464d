"""One way to say that a server can't be reached."""

import contextlib
from collections.abc import Iterator

import aiohttp


@contextlib.contextmanager
def as_os_errors() -> Iterator[None]:
    """Turn aiohttp's errors of connection and protocol into `ConnectionError`, an `OSError`.

    A refused connection is one already; a server that goes away in the middle of an answer isn't,
    and whoever rides out an outage must not care which it was. `TimeoutError` stays.
    """
    try:
        yield
    except OSError:
        raise
    except aiohttp.ClientError as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
