"""Several methods at once, as people name them: ``lrp,saliency,occlusion:window=4``, or a set such as ``all``."""

from collections.abc import Mapping

from xaisigns.attribution.composites import COMPARED
from xaisigns.attribution.methods import DEFAULT_METHODS, Method, find_method, methods
from xaisigns.errors import MethodError

_LRP = tuple(f"lrp:{composite}{contrast}" for composite in COMPARED for contrast in ("", ":contrast"))


def select_methods(text: str) -> list[Method]:
    """The methods that a list of specifications or sets, separated by commas, names; each once, in its order.

    "default" are those that are compared where none is named, "composites" all of LRP with and without a contrast,
    "all" these and every other method, the controls last. Raises MethodError as ``find_method`` does, and for none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise MethodError("no method is named; 'xaisigns methods' tells which there are")
    found = {}
    for name in names:
        for specification in _sets().get(name, (name,)):
            method = find_method(specification)
            found[method.name] = method
    return list(found.values())


def _sets() -> Mapping[str, tuple[str, ...]]:
    others = tuple(method.name for method in methods() if method.name != "lrp")
    return {"default": DEFAULT_METHODS, "composites": _LRP, "all": (*_LRP, *others)}
