"""One way to extend: named things of one kind, the package's own, the caller's, and those of installed plugins."""

import re
import sys
import threading
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import TypeVar

from xaisigns.errors import PluginError, XaisignsError

GROUP = "xaisigns.plugins"
_NAME = re.compile("[a-z][a-z0-9_]{0,63}")
T = TypeVar("T")

_loading = threading.RLock()
_failures: dict[str, PluginError | None] = {}  # once the group's plugins have been called


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

    There they register what they have. Raises PluginError, naming plugin and package, for one that fails, each time.
    """
    with _loading:
        if GROUP not in _failures:
            _failures[GROUP] = None  # what a plugin looks up while it registers must not begin anew
            _failures[GROUP] = _first_failure()
        failure = _failures[GROUP]
    if failure is not None:
        raise PluginError(str(failure)) from failure.__cause__


def _first_failure() -> PluginError | None:
    for entry in entry_points(group=GROUP):
        try:
            entry.load()()
        except Exception as error:
            package = entry.dist.name if entry.dist else "an unknown package"
            said = str(error) if isinstance(error, XaisignsError) else f"{type(error).__name__}: {error}"
            failure = PluginError(
                f"the plugin {entry.name!r} of {package} cannot be loaded ({said}); mend the plugin or uninstall it"
            )
            failure.__cause__ = error
            return failure
    return None
