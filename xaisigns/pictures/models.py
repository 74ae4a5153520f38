"""Models beside each other: each has a name, which its answers carry and what goes wrong with it, too."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from xaisigns.errors import ModelError, XaisignsError

T = TypeVar("T")

_WANTED = 'models beside each other are wanted by their names, as in {"before": model, "after": other}'


def by_name(model: T | Mapping[str, T]) -> Mapping[str, T]:
    """Models by their names, as they are; one alone has an empty name.

    Raises ModelError for no model, for several without names, and for a name that is no text or an empty one.
    """
    if isinstance(model, list | tuple | set):
        raise ModelError(f"{_WANTED}, got a {type(model).__name__}")
    if not isinstance(model, Mapping):
        return {"": model}
    if not model or not all(isinstance(name, str) and name.strip() for name in model):
        raise ModelError(f"{_WANTED}, each a text that is not empty, got {list(model)}")
    return model


@contextmanager
def naming(model: str) -> Iterator[None]:
    """Let an error begin with the name of the model that it is about, where that has one."""
    try:
        yield
    except XaisignsError as error:
        if not model:
            raise
        raise type(error)(f"{model}: {error}") from error
