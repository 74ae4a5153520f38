"""Networks by name: VGGs, the other convolutional networks of torchvision, and classes of the caller's own."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torch import nn

from xaisigns.base.bounds import shown
from xaisigns.errors import ModelError

ATTENTION = "relevance through attention needs rules of its own (AttnLRP), which are not here"
TRANSFORMERS = f"{ATTENTION}, so vision transformers cannot be explained, by any method; take a convolutional network"

VGGS = ("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn")
# By name, so that a name can be checked without the seconds that importing torchvision takes.
_REGNETS = ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")
TORCHVISIONS = (
    "alexnet",
    *(f"convnext_{size}" for size in ("tiny", "small", "base", "large")),
    *(f"densenet{layers}" for layers in (121, 161, 169, 201)),
    *(f"efficientnet_b{size}" for size in range(8)),
    *(f"efficientnet_v2_{size}" for size in "sml"),
    *("googlenet", "inception_v3"),
    *(f"mnasnet{width}" for width in ("0_5", "0_75", "1_0", "1_3")),
    *("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"),
    *(f"regnet_x_{size}" for size in _REGNETS),
    *(f"regnet_y_{size}" for size in (*_REGNETS, "128gf")),
    *(f"resnet{layers}" for layers in (18, 34, 50, 101, 152)),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
    *(f"shufflenet_v2_x{width}" for width in ("0_5", "1_0", "1_5", "2_0")),
    *("squeezenet1_0", "squeezenet1_1"),
    *("wide_resnet50_2", "wide_resnet101_2"),
)
ARCHITECTURES = (*VGGS, *TORCHVISIONS)

_OWN = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_WITH_SIDE_OUTPUTS = ("googlenet", "inception_v3")
_SIDE_OUTPUTS = ("aux1.", "aux2.", "AuxLogits.")
_PLACEHOLDER = 2  # classes, where a network has to be built before they are known


def check_architecture(name: str) -> None:
    """Raise ModelError for a name that is none of ARCHITECTURES and not of the form ``package.module:callable``."""
    if name in ARCHITECTURES or _OWN.fullmatch(name):
        return
    if name.startswith(("vit_", "swin_", "maxvit")):
        raise ModelError(f"architecture {name!r}: {TRANSFORMERS}")
    nearest = ", ".join(get_close_matches(name, ARCHITECTURES, cutoff=0.4) or ("vgg11_bn", "resnet18"))
    raise ModelError(
        f"architecture: wanted the name of a convolutional network of torchvision's such as {nearest}, or "
        f"package.module:callable for one of your own, got {shown(name)}"
    )


def is_own(architecture: str) -> bool:
    """Whether it names code outside the package and torchvision, which no file may have run."""
    return ":" in architecture


def build(architecture: str, classes: int | None) -> nn.Module:
    """A network that is no VGG, with the weights that it begins with, drawn from the global generator.

    Without ``classes`` it has as many as it has by itself. A ``package.module:callable`` is imported, from the current
    folder too, and called, with ``num_classes`` where it takes that. Raises ModelError where that fails.
    """
    if not is_own(architecture):
        return _torchvisions(architecture, classes)
    with _current_folder():
        make = _imported(architecture)
        given = _classes_for(make, classes)
        try:
            network = make(**given)
        except Exception as error:
            arguments = ", ".join(f"{name}={value}" for name, value in given.items())
            raise ModelError(f"{architecture}({arguments}) failed: {_told(error)}; mend it") from error
    if not isinstance(network, nn.Module):
        raise ModelError(f"{architecture} must give a torch.nn.Module, got {shown(network)}")
    return network


def without_side_outputs(architecture: str, weights: dict[str, Any]) -> dict[str, Any]:
    """The weights without those of the further classifiers that GoogLeNet and Inception have in training alone."""
    has_them = architecture in _WITH_SIDE_OUTPUTS
    return {name: value for name, value in weights.items() if not (has_them and name.startswith(_SIDE_OUTPUTS))}


def _torchvisions(architecture: str, classes: int | None) -> nn.Module:
    from torchvision import models

    options: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if architecture in _WITH_SIDE_OUTPUTS:
        options |= {"aux_logits": False, "init_weights": True}
    network: nn.Module = models.get_model(architecture, weights=None, **options)
    return network


def _imported(architecture: str) -> Callable[..., Any]:
    place, _, name = architecture.partition(":")
    try:
        found: Any = importlib.import_module(place)
    except Exception as error:
        raise ModelError(
            f"architecture {architecture!r}: {place} cannot be imported: {_told(error)}; run the command in the folder "
            "that it lies in, or install it"
        ) from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        where = getattr(sys.modules[place], "__file__", None) or place
        raise ModelError(f"architecture {architecture!r}: {where} has no class or function {name}")
    return found  # type: ignore[no-any-return]


def _classes_for(make: Callable[..., Any], classes: int | None) -> dict[str, int]:
    try:
        parameter = inspect.signature(make).parameters.get("num_classes")
    except (TypeError, ValueError):  # of what is written in C
        return {}
    if parameter is None:
        return {}
    if classes is None:
        return {"num_classes": _PLACEHOLDER} if parameter.default is parameter.empty else {}
    return {"num_classes": classes}


@contextmanager
def _current_folder() -> Iterator[None]:
    """Modules of the current folder can be imported, first of all, as with ``python -m``."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with suppress(ValueError):  # where what was imported has taken it off
            sys.path.remove(folder)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
