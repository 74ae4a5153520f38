"""One way to extend: named things of one kind, the package's own, the caller's, and those of installed plugins."""

import inspect
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from xaisigns.errors import PluginWarning, XaisignsError

GROUP = "xaisigns.plugins"
_NAME = re.compile("[a-z][a-z0-9_]{0,63}")
T = TypeVar("T")

_loading = threading.RLock()
_failures: dict[str, list[str]] = {}  # once the group's plugins have been called
# What the plugin that is being called has registered so far.
_registered: ContextVar[list[tuple["Registry[Any]", str]] | None] = ContextVar("_registered", default=None)


class Registry(Mapping[str, T]):
    """The things of one ``kind`` by name, in the order in which they were registered; ``error`` is what is raised.

    Whoever looks a thing up sees those of installed plugins, too.
    """

    def __init__(self, kind: str, error: type[XaisignsError]) -> None:
        self._kind, self._error = kind, error
        self._things: dict[str, T] = {}

    def register(self, name: str, thing: T) -> None:
        """Add a thing.

        Raises the registry's error for a name that is taken, or has anything but lower-case letters, digits and _.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise self._error(
                f"a {self._kind} needs a name of lower-case letters, digits and _ such as my_{self._kind}, got {name!r}"
            )
        if name in self._things:
            raise self._error(f"there is a {self._kind} {name!r} already; choose another name")
        self._things[name] = thing
        registered = _registered.get()
        if registered is not None and not _is_of_an_import():
            registered.append((self, name))

    def without_plugins(self) -> dict[str, T]:
        """What is registered so far, for those who register: they come too early for plugins."""
        return dict(self._things)

    def __getitem__(self, name: str) -> T:
        # What is built in is looked up while the package is imported, which is too early for plugins.
        if name not in self._things:
            load_plugins()
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        load_plugins()
        return iter(list(self._things))

    def __len__(self) -> int:
        load_plugins()
        return len(self._things)


def is_of_package(thing: object) -> bool:
    """Whether a function or a class is the package's own, and not one that was made to look like it."""
    module = str(getattr(thing, "__module__", ""))
    name = getattr(thing, "__qualname__", "")
    return module.startswith("xaisigns.") and getattr(sys.modules.get(module), name, None) is thing


def load_plugins() -> None:
    """Call what installed packages name in the entry point group ``xaisigns.plugins``: each once, without arguments.

    There they register what they have. Of one that fails nothing stays, and a PluginWarning names it with its package;
    the others work.
    """
    with _loading:
        if GROUP in _failures:
            return
        failures = _failures[GROUP] = []  # what a plugin looks up while it registers must not begin anew
        failures += [failure for entry in entry_points(group=GROUP) if (failure := _failure(entry))]
    for failure in failures:
        warnings.warn(failure, PluginWarning, stacklevel=2)


def failed_plugins() -> list[str]:
    """What is to be said of each plugin that has failed; nothing as long as none has been needed."""
    return list(_failures.get(GROUP, ()))


def _failure(entry: EntryPoint) -> str | None:
    """Call a plugin. One that fails leaves nothing behind: say so."""
    registered: list[tuple[Registry[Any], str]] = []
    token = _registered.set(registered)
    try:
        entry.load()()
    except Exception as error:
        for registry, name in registered:
            del registry._things[name]
        package = entry.dist.name if entry.dist else "an unknown package"
        said = str(error) if isinstance(error, XaisignsError) else f"{type(error).__name__}: {error}"
        return f"the plugin {entry.name!r} of {package} cannot be loaded ({said}); mend the plugin or uninstall it"
    finally:
        _registered.reset(token)
    return None


def _is_of_an_import() -> bool:
    """Whether a module of the package, which a plugin imports, registers what is built in."""
    frame = inspect.currentframe()
    while frame and frame.f_code is not _failure.__code__:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__", "").startswith("xaisigns."):
            return True
        frame = frame.f_back
    return False
