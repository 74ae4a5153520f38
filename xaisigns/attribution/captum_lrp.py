"""Captum's LRP and the base class of its rules, without the rest of Captum.

Captum's packages import all that is in them, and with it pyplot and IPython, as soon as any part is wanted.
"""

import sys
import threading
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_LOCK = threading.RLock()


class _Deferred(ModuleType):
    """A package whose own code runs when something is asked of it that it does not have yet."""

    def __getattr__(self, name: str) -> Any:
        self._run(name)
        return getattr(self, name)

    def __dir__(self) -> list[str]:
        self._run("__all__")
        return list(ModuleType.__dir__(self))

    def _run(self, name: str) -> None:
        with _LOCK:
            if "_is_running" in vars(self):
                raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
            loader = self.__spec__.loader if self.__spec__ else None
            # Another thread may have run it while this one waited.
            if type(self) is _Deferred and loader is not None:
                self._is_running = True
                try:
                    loader.exec_module(self)
                    self.__class__ = ModuleType  # type: ignore[assignment]
                finally:
                    del self._is_running


def _defer(name: str) -> None:
    """Put a package where imports look for it, unless it is there: its parts can then be imported alone."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        return
    package = _Deferred(name)
    package.__spec__, package.__loader__, package.__package__ = spec, spec.loader, name
    package.__file__, package.__path__ = spec.origin, list(spec.submodule_search_locations)
    sys.modules[name] = package
    parent, _, part = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], part, package)


_defer("captum")
_defer("captum.attr")

from captum.attr._core.lrp import LRP  # noqa: E402 (as soon as its packages are deferred)
from captum.attr._utils.lrp_rules import PropagationRule  # noqa: E402

__all__ = ["LRP", "PropagationRule"]
