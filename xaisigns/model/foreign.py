"""Checkpoints of torchvision's VGGs that were trained elsewhere: state dicts as .pt, .pth or .safetensors."""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from xaisigns.data.preprocessing import RGB
from xaisigns.errors import ModelError
from xaisigns.model.vgg import Architecture, Classifier, Head, NetworkSettings


@dataclass(frozen=True)
class Preprocessing:
    """What a state dict cannot tell: the images' side in pixels, and mean and deviation of pixels in 0..1."""

    input_size: int
    mean: RGB
    std: RGB

    def __post_init__(self) -> None:
        if self.input_size < 32 or min(self.std) <= 0:
            raise ModelError(
                f"input size must be 32 or more and each std above 0, got {self.input_size} and {self.std}"
            )


def load_foreign(path: Path, preprocessing: Preprocessing) -> Classifier:
    """A network in eval mode from a state dict of torchvision's VGG 11 to 19, with two or more outputs.

    Which VGG it is follows from names and shapes. Files are read without running code in them. Raises ModelError for a
    file that is broken, holds anything but tensors, or is no VGG.
    """
    tensors = _read(path)
    settings = _recognised(tensors, preprocessing)
    if settings is None:
        raise ModelError(
            f"{path} is not a state dict of torchvision's vgg11, vgg13, vgg16 or vgg19: its first entries are "
            f"{', '.join(list(tensors)[:4]) or 'none'}"
        )
    if settings.classes < 2:
        raise ModelError(f"{path} has one output; wanted one for each class, as cross-entropy trains it")
    with torch.device("meta"):
        model = Classifier(settings)
    floats = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    model.load_state_dict(floats, assign=True)
    return model.requires_grad_(False).eval()


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{path} holds more than tensors, or is cut off: save the state_dict() alone") from error
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is not a whole checkpoint ({' '.join(str(error).split())[:120]})") from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(f"{path} is not a state dict: wanted names with tensors; save the state_dict() alone")
    return content


def _recognised(tensors: dict[str, Tensor], preprocessing: Preprocessing) -> NetworkSettings | None:
    """The settings whose network has these names and shapes."""
    head: Head = "torchvision" if "classifier.6.weight" in tensors else "compact"
    last = tensors.get("classifier.6.bias" if head == "torchvision" else "classifier.0.bias")
    if last is None or last.ndim != 1:
        return None
    shapes = {name: value.shape for name, value in tensors.items()}
    for architecture in get_args(Architecture):
        settings = NetworkSettings(
            architecture, head, len(last), preprocessing.input_size, preprocessing.mean, preprocessing.std
        )
        with torch.device("meta"):
            network = Classifier(settings)
        if {name: value.shape for name, value in network.state_dict().items()} == shapes:
            return settings
    return None
