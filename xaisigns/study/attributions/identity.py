"""What attributions are of: model, images, methods and code. What does not fit is refused with both sides named."""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaisigns.attribution.assignment import assign
from xaisigns.attribution.canonize import canonize
from xaisigns.attribution.methods import Method
from xaisigns.attribution.named_rules import RULES
from xaisigns.base.bounds import shown
from xaisigns.base.documents import json_text
from xaisigns.base.plugins import is_of_package
from xaisigns.base.progress import Progress, silent
from xaisigns.data.image_set import ImageSet
from xaisigns.errors import OutputError
from xaisigns.metrics.catalogue import Metric
from xaisigns.model.explainable import Explainable, module_of
from xaisigns.study.measuring import Scoring
from xaisigns.study.model_cache import ModelCache, has_strange_state, is_patched, strange_layers

DIGEST = 32  # bytes of SHA-256
_AT_ONCE = 256  # files that are read before progress is told

Identity = Mapping[str, Any]  # plain data by the names that errors call it by


@dataclass(frozen=True)
class Wanted:
    """What is to be known of every image: ``methods``, inner ``layers`` of LRP, and the ``metrics`` of a ``scoring``.

    Heatmaps are kept as float16 with a scale, or as float32 where not ``half``. ``responses`` are what channels of
    middle layers answer, which an audit listens to.
    """

    methods: Sequence[Method]
    layers: Sequence[str] = ()
    scoring: Scoring | None = None
    metrics: Sequence[Metric] = ()
    half: bool = True
    responses: bool = False


def identity_of(model: Explainable, data: ImageSet, digests: NDArray[np.uint8], wanted: Wanted) -> Identity:
    """All that a store's arrays depend on. ``digests`` ``(N, 32)`` are the files', as ``digests_of`` gives them.

    Raises OutputError for code of the caller's that is in no file, since nobody could tell it from other code, and as
    ``origin_of`` does.
    """
    scoring = wanted.scoring
    told = {
        **origin_of(model, data, digests),
        "device": ", ".join(ModelCache(model).parts["devices"]),
        "methods": [method.key for method in wanted.methods],
        "layers": list(wanted.layers),
        "metrics": [metric.name for metric in wanted.metrics],
        "scoring": [scoring.steps, scoring.filling, scoring.seed] if scoring else None,
        "heatmaps": "float16" if wanted.half else "float32",
        "responses": wanted.responses,
        "own code": _own_code(model, wanted),
    }
    return json.loads(json_text(told))  # type: ignore[no-any-return]  # as it is read again: no tuples


def origin_of(model: Explainable, data: ImageSet, digests: NDArray[np.uint8]) -> Identity:
    """What all stores of one model and the same images have in common, whatever was wanted of these, and wherever.

    Raises OutputError for a network with hooks, and one whose layers are in no file.
    """
    parts = ModelCache(model).parts
    told = {
        "weights": parts["weights"],
        "network": _digest([parts[name] for name in ("names", "network", "attributes", "bounds")]),
        "preprocessing": parts["preprocessing"],
        "split": data.split,
        "images": _images(data, digests),
        "code": parts["code"],
        "own layers": _own_layers(model),
    }
    return json.loads(json_text(told))  # type: ignore[no-any-return]


def refuse_another(path: Path, theirs: Identity, ours: Identity, first: Callable[[], str] = str) -> None:
    """Raise OutputError, with both sides, where a store is not of what is wanted now.

    Where the images are others, ``first`` names one of them, if it can.
    """
    other = [name for name in ours if theirs.get(name) != ours[name]]
    if other:
        sides = "; ".join(f"{name}: {_sides(theirs.get(name), ours[name])}" for name in other)
        if "images" in other and (image := first()):
            sides += f"; the first file that is another: {image}"
        raise OutputError(f"{path} is a store of something else ({sides}); name another place, or what it is of")


def digests_of(data: ImageSet, progress: Progress = silent) -> NDArray[np.uint8]:
    """SHA-256 of each image's file, ``(N, 32)``; zeros for one that cannot be read."""
    found = np.zeros((len(data), DIGEST), dtype=np.uint8)
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(data), _AT_ONCE):
            some = data.samples[start : start + _AT_ONCE]
            for place, digest in enumerate(pool.map(digest_of_file, [sample.path for sample in some]), start):
                found[place] = np.frombuffer(digest, dtype=np.uint8)
            progress("reading files", start + len(some), len(data))
    return found


def digest_of_file(path: Path) -> bytes:
    """SHA-256 of a file; zeros for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return bytes(DIGEST)


def _images(data: ImageSet, digests: NDArray[np.uint8]) -> str:
    """How many, and a digest of their files, names, classes and signs' places."""
    digest = hashlib.sha256(digests.tobytes())
    for sample in data.samples:
        digest.update(f"{sample.key}\0{sample.class_id}\0{sample.roi}\n".encode(errors="surrogatepass"))
    digest.update(json_text(data.manifest).encode())  # which tells of the masks
    return f"{len(data)} images, {digest.hexdigest()}"


def _own_layers(model: Explainable) -> list[str]:
    """A digest of each file with layers of the caller's."""
    network = module_of(model)
    layers = strange_layers(network)
    if has_strange_state(network) or any(map(is_patched, layers)):
        raise OutputError(
            "the model has hooks, a forward of its own or a state that is no tensor: a store cannot tell what it is "
            "of; build it as a class in a module"
        )
    return sorted(_files(type(layer) for layer in layers))


def _own_code(model: Explainable, wanted: Wanted) -> list[str]:
    """A digest of each file with the caller's methods and metrics, and the rules of each layer for own composites."""
    network = module_of(model)
    own: list[Any] = [_module_or_function(metric) for metric in wanted.metrics if not metric.known]
    told: list[str] = []
    for method in wanted.methods:
        if method.known:
            continue
        if method.composite is None:
            own.append(method.function)
            continue
        rows = assign(canonize(network), method.composite, method.rules)
        told.append(_digest([[row.layer, row.rule.name, dict(row.rule.settings)] for row in rows]))
        own += [rule for row in rows if not is_of_package(rule := RULES[row.rule.name])]
    return [*sorted(_files(own)), *told]


def _module_or_function(metric: Metric) -> Any:
    function = metric.function
    return import_module(function.partition(":")[0]) if isinstance(function, str) else function


def _files(things: Iterable[Any]) -> set[str]:
    found = set()
    for thing in things:
        try:
            source = inspect.getsourcefile(inspect.unwrap(thing))
            found.add(hashlib.sha256(Path(source or "").read_bytes()).hexdigest())
        except (TypeError, OSError) as error:
            raise OutputError(
                f"the code of {shown(getattr(thing, '__qualname__', thing))} is in no file: a store cannot tell what "
                "it is of; write it into a module"
            ) from error
    return found


def _digest(content: Any) -> str:
    return hashlib.sha256(json_text(content, indent=None).encode()).hexdigest()


def _sides(there: Any, here: Any) -> str:
    """Both, and of two lists only what the other has not."""
    if isinstance(there, list) and isinstance(here, list) and sorted(map(str, there)) != sorted(map(str, here)):
        there, here = [one for one in there if one not in here], [one for one in here if one not in there]
    return f"there {_text(there)}, here {_text(here)}"


def _text(part: Any) -> str:
    return shown(part if isinstance(part, str) else json_text(part, indent=None))[1:-1]
