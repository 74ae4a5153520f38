"""Several methods at once: by their specifications, or as a set such as ``all``."""

from collections.abc import Iterable, Mapping

from xaisigns.attribution.composites import COMPARED, COMPOSITES
from xaisigns.attribution.methods import DEFAULT_METHODS, Method, find_method, methods
from xaisigns.errors import MethodError


def select_methods(texts: str | Iterable[str]) -> list[Method]:
    """The methods that specifications and sets name, each once however it is written, in their order.

    One text may name several, with commas between them. "default" are those that are compared where none is named,
    "composites" all of LRP with and without a contrast, "all" these and every other method, the controls last. Raises
    MethodError as ``find_method`` does, and for none.
    """
    sets = _sets()
    named = texts.split(",") if isinstance(texts, str) else texts
    found = [find_method(one) for text in named for one in sets.get(str(text).strip(), (text,))]
    if not found:
        raise MethodError("no method is named; 'xaisigns methods' tells which there are")
    once: dict[str, Method] = {}
    for method in found:
        once.setdefault(method.key, method)
    return list(once.values())


def _sets() -> Mapping[str, tuple[str, ...]]:
    others = tuple(method.name for method in methods() if method.name != "lrp")
    composites = dict.fromkeys((*COMPARED, *COMPOSITES))
    lrp = tuple(f"lrp:{composite}{contrast}" for composite in composites for contrast in ("", ":contrast"))
    return {"default": DEFAULT_METHODS, "composites": lrp, "all": (*lrp, *others)}
