"""JSON of any depth, cut to what can be read."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster import shallow
from tests.unit.serving import serving

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
DEEP = 9000


def nested(levels: int, start: str = '{"a":', end: str = "}") -> str:
    return start * levels + "1" + end * levels


@given(JSON)
def test_what_can_be_read_stays_as_it_is(value: Any) -> None:
    """Brackets and quotes in texts are no nesting."""
    text = json.dumps(value)
    assert shallow.cut(text) == text
    assert shallow.loads(text) == value


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_what_is_too_deep_is_null(start: str, end: str) -> None:
    """Its neighbours are all there."""
    text = f'{{"before": "[{{", "deep": {nested(DEEP, start, end)}, "after": [1]}}'
    found = shallow.loads(text)
    assert (found["before"], found["after"]) == ("[{", [1])
    levels, inner = 0, found["deep"]
    while inner is not None:
        levels, inner = levels + 1, next(iter(inner.values() if isinstance(inner, dict) else inner))
    assert levels == shallow.DEEPEST - 1


def test_an_object_like_others_is_cut_at_its_place_only() -> None:
    """In a list of many."""
    items = [{"name": "a"}, "DEEP", {"name": "b"}]
    text = json.dumps({"items": items}).replace('"DEEP"', nested(DEEP))
    found = shallow.loads(text.encode())["items"]
    assert (found[0], found[2]) == (items[0], items[2])


@asynccontextmanager
async def chunked(*chunks: bytes) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for chunk in chunks:
            await answer.write(chunk)
            await asyncio.sleep(0)
        return answer

    app = web.Application()
    app.router.add_get("/", handle)
    async with serving(app) as url:
        yield f"{url}/"


async def test_a_watch_s_lines_can_be_parsed_one_by_one() -> None:
    """However they are cut into chunks; what has no line break yet comes at the end."""
    deep = f'{{"n": 2, "x": {nested(DEEP)}}}'.encode()
    text = b'{"n": 1}\n' + deep + b'\n{"n": 3}\n\n{"n": 4}'
    chunks = [text[start : start + 7001] for start in range(0, len(text), 7001)]
    async with (
        chunked(*chunks) as url,
        aiohttp.ClientSession(response_class=shallow.Response) as session,
        session.get(url) as answer,
    ):
        read = b"".join([part async for part in answer.content.iter_chunked(1000)])
    assert [json.loads(line)["n"] for line in read.split(b"\n") if line] == [1, 2, 3, 4]


async def test_a_list_is_read_as_a_whole() -> None:
    """With one object in it that is too deep."""
    async with (
        chunked(f'{{"items": [{nested(DEEP)}, 7]}}'.encode()) as url,
        aiohttp.ClientSession(response_class=shallow.Response) as session,
        session.get(url) as answer,
    ):
        assert (await answer.json())["items"][1] == 7
