"""Lists in batches: the same objects as in one piece, however the answer is cut."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from davy.cluster import listing, shallow

Json = dict[str, Any]

CUSTOM = ("apiVersion", "items", "kind", "metadata")
"""The order of fields in a list of custom resources."""
BUILT_IN = ("kind", "apiVersion", "metadata", "items")


def item(number: int) -> Json:
    """One with borders inside that look like those between items."""
    inner = [{"metadata": {"name": f"inner-{each}"}} for each in range(3)]
    text = '},{"metadata":{"name":"no"}}]}'
    named = {
        "name": f"cart-{number}",
        "managedFields": [{"apiVersion": "v1"}, {"apiVersion": "v1"}],
    }
    return {"metadata": named, "spec": {"list": inner, "text": text}}


def answer(order: tuple[str, ...], items: list[Json] | None) -> bytes:
    """What the API server sends."""
    fields = {
        "apiVersion": "v1",
        "items": items,
        "kind": "CartList",
        "metadata": {"resourceVersion": "7"},
    }
    return json.dumps({name: fields[name] for name in order}, separators=(",", ":")).encode()


async def read(text: bytes, size: int) -> list[listing.Listing]:
    """The batches of an answer that comes in chunks of this many bytes."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    return [each async for each in listing.batches(chunks())]


@pytest.mark.parametrize("order", [CUSTOM, BUILT_IN])
@pytest.mark.parametrize("size", [1, 7, 64, 1000, 100_000])
async def test_every_item_comes_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...], size: int
) -> None:
    """Borders within an item are not taken for borders between two."""
    monkeypatch.setattr(listing, "_BATCH", 500)
    items = [item(number) for number in range(20)]
    found = await read(answer(order, items), size)
    assert [each for batch in found for each in batch.items] == items
    assert [batch.resource_version for batch in found] == [""] * (len(found) - 1) + ["7"]
    assert len(found) > 1


@pytest.mark.parametrize("items", [None, []])
async def test_an_empty_list_has_a_version(items: list[Json] | None) -> None:
    """Go writes null for a list that was never filled."""
    assert await read(answer(CUSTOM, items), 10) == [listing.Listing((), "7")]


async def test_an_item_longer_than_a_batch_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """No border is in sight yet."""
    monkeypatch.setattr(listing, "_BATCH", 50)
    items = [{"metadata": {"name": "x" * 300}}, {"metadata": {"name": "y"}}]
    found = await read(answer(BUILT_IN, items), 40)
    assert [each for batch in found for each in batch.items] == items


@pytest.mark.parametrize("kept", [1, 30, 200, -1, -2, -40])
async def test_a_list_that_is_cut_off_is_refused(kept: int) -> None:
    """Less than all would be taken for deletions."""
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        await read(answer(CUSTOM, [item(0), item(1)])[:kept], 64)


async def test_a_deep_item_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its depths are cut out, see `shallow`."""
    monkeypatch.setattr(listing, "_BATCH", 500)
    deep = b'{"metadata":{"name":"deep"},"spec":%b%b}' % (b"[" * 9000, b"]" * 9000)
    items = answer(BUILT_IN, [item(0), item(1)]).replace(b"[{", b"[" + deep + b",{", 1)
    found = [each for batch in await read(items, 4000) for each in batch.items]
    assert [each["metadata"]["name"] for each in found] == ["deep", "cart-0", "cart-1"]
    assert str(found[0]["spec"]).count("[") < shallow.DEEPEST


async def test_an_item_full_of_borders_costs_no_more_than_its_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tenant can't stall the operator with a list that looks like many."""
    parsed = 0

    def counting(text: str | bytes) -> Any:
        nonlocal parsed
        parsed += len(text)
        return loads(text)

    loads = shallow.loads
    monkeypatch.setattr(listing, "_BATCH", 10_000)
    monkeypatch.setattr(shallow, "loads", counting)
    hostile = {"metadata": {"name": "cart"}, "spec": [{"metadata": {"name": "x]}"}}] * 2000}
    items = [item(0), hostile, item(1), hostile, item(2)]
    text = answer(CUSTOM, items)
    found = await read(text, 1000)
    assert [each for batch in found for each in batch.items] == items
    assert parsed < 12 * len(text)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (b'{"a":[1,"}"]},{', 13),
        (b'["\\"]"]]', 7),
        (b'{"a":[', None),
        (b"", None),
        (b'{"a":"cut off ', None),
    ],
)
def test_the_end_of_a_value_is_found_without_reading_it(text: bytes, ends: int | None) -> None:
    """Brackets in texts don't count."""
    assert shallow.end(text, 0) == ends
