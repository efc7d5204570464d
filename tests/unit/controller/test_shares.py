from davy.controller.queue import Key
from davy.controller.shares import Shares


def a_key(name: str, namespace: str = "shop") -> Key:
    return Key(namespace, "AnalysisRun", name)


def test_a_place_that_comes_free_is_the_next_ones() -> None:
    """First come, first served; who was looked at and needs none lets the next one in."""
    looked: list[Key] = []
    shares = Shares(1, looked.append)
    a, b, c = (a_key(name) for name in "abc")
    assert shares.take(a)
    assert not shares.take(b)
    assert not shares.take(c)
    assert shares.take(a_key("a", "other"))
    shares.give(a)
    assert looked == [b]
    shares.next("shop")  # b was looked at and asked nothing
    assert looked == [b, c]


def test_who_is_gone_is_nobodys_turn() -> None:
    """Otherwise the places would stay free and the others wait for ever."""
    looked: list[Key] = []
    shares = Shares(1, looked.append)
    a, b, c = (a_key(name) for name in "abc")
    assert shares.take(a)
    assert not shares.take(b)
    assert not shares.take(c)
    shares.leave(b)
    shares.give(a)
    assert looked == [c]


def test_nothing_is_kept_of_a_namespace_at_rest() -> None:
    """Thousands of them come and go."""
    shares = Shares(1, lambda _: None)
    a, b = a_key("a"), a_key("b")
    assert shares.take(a)
    assert not shares.take(b)
    shares.give(a)
    shares.next("shop")
    assert not shares._taken
    assert not shares._waiting
