"""Silence for what a library warns of, in threads too: Python's filters are one list for the whole process."""

import threading
import warnings
from types import TracebackType


class Quiet:
    """A context without the warnings that come from a package's modules; afterwards the filters are as they were.

    Threads that are inside at once share one change of the filters, which the last to leave takes back: each for
    itself, one could put back what another had put there.
    """

    def __init__(self, package: str) -> None:
        self._package = rf"{package}(\.|$)"
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=self._package)
            self._inside += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(kind, error, at)
