"""One namespace's share of the questions under way: its slow providers delay nobody else's."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from davy.controller.queue import Key


@dataclass
class Shares:
    """Places per namespace, and the keys that wait for one, first come first served.

    A key waits as a key and nothing else: what it would ask is worked out anew when its turn comes.

    Args:
        most: places of each namespace.
        look: enqueues a key whose turn has come.
    """

    most: int
    look: Callable[[Key], None]
    _taken: Counter[str] = field(default_factory=Counter)
    _waiting: defaultdict[str, OrderedDict[Key, None]] = field(
        default_factory=lambda: defaultdict(OrderedDict)
    )

    def take(self, key: Key) -> bool:
        """True: a place is taken, to be given back. False: the key's turn will come."""
        if self._taken[key.namespace] < self.most:
            self._taken[key.namespace] += 1
            return True
        self._waiting[key.namespace][key] = None
        return False

    def give(self, key: Key) -> None:
        """A place that was taken is free again."""
        self._taken[key.namespace] -= 1
        if not self._taken[key.namespace]:
            del self._taken[key.namespace]
        self.next(key.namespace)

    def leave(self, key: Key) -> None:
        """The key waits no more: it is looked at, or gone."""
        waiting = self._waiting.get(key.namespace)
        if waiting:
            waiting.pop(key, None)

    def next(self, namespace: str) -> None:
        """Look at who is next, if there is a place; to be called whenever one may have come free.

        A key that was looked at may need no place any more: then it is the next one's turn.
        """
        waiting = self._waiting.get(namespace)
        if waiting and self._taken[namespace] < self.most:
            self.look(waiting.popitem(last=False)[0])
        elif not waiting:
            self._waiting.pop(namespace, None)
