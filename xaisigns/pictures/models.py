"""Models beside each other: each has a name, which its answers carry and what goes wrong with it, too."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from xaisigns.errors import ModelError, XaisignsError

T = TypeVar("T")


def by_name(model: T | Mapping[str, T]) -> Mapping[str, T]:
    """Models by their names, as they are; one alone has an empty name.

    Raises ModelError for no model, and for a name that is no text.
    """
    if not isinstance(model, Mapping):
        return {"": model}
    if not model or not all(isinstance(name, str) for name in model):
        raise ModelError(f"models beside each other are wanted by their names, got {list(model)}")
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
