"""One thread does what many clients ask, one piece of work each in turn."""

import threading
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Self

Work = Callable[[], None]

_LISTENING = 0.5  # seconds: on Windows a thread that waits hears no signal


class Turns:
    """Waiting work, at most one piece of each key, done by whoever calls ``work``: while this is entered, by a thread.

    A client's newer work takes the place of its older one, which is then never done: nobody waits for what is stale,
    and a client that asks often waits as long as all others. Work must not raise.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, Work] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self.work, name="xaisigns live", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()
        self._thread.join()

    def put(self, key: Hashable, work: Work) -> None:
        """Let the thread do this when its turn has come, in place of what waits under the same key."""
        with self._changed:
            self._waiting[key] = work  # which keeps the place of what it replaces
            self._changed.notify()

    def drop(self, key: Hashable) -> None:
        """Forget what waits under a key."""
        with self._changed:
            self._waiting.pop(key, None)

    def end(self) -> None:
        """Forget what waits, and let ``work`` return."""
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()

    def work(self) -> None:
        """Do what waits, and what will, until the end."""
        while True:
            with self._changed:
                while not self._changed.wait_for(lambda: self._ended or self._waiting, _LISTENING):
                    pass
                if self._ended:
                    return
                work = self._waiting.pop(next(iter(self._waiting)))
            work()
