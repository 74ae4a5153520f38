"""Model files: one safetensors file with a JSON document in it; no pickle is written."""

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xaisigns.data.documents import json_text
from xaisigns.data.files import whole_file
from xaisigns.errors import ModelError, OutputError
from xaisigns.model.foreign import Preprocessing, load_foreign
from xaisigns.model.vgg import Classifier, NetworkSettings

FORMAT = 1
BUNDLED = ("clean", "stickered")
_KEY = "xaisigns"


def save_model(model: Classifier, path: Path) -> None:
    """Write weights (float16; biases and BatchNorm's statistics float32), settings and card to one file.

    Raises OutputError when it cannot be written.
    """
    document = {"format": FORMAT, "network": asdict(model.settings), **model.card}
    write_tensors(path, {name: _stored(tensor) for name, tensor in model.state_dict().items()}, _KEY, document)


def load_model(name: Path | str, preprocessing: Preprocessing | None = None) -> Classifier:
    """A trained model in eval mode on the CPU: "clean", "stickered", or the path of a model file.

    A checkpoint that xaisigns did not write (a state dict of torchvision's VGG, .pt or .safetensors) needs
    ``preprocessing``, which such a file cannot tell. Raises ModelError when there is no such file, or it is broken, of
    another format version, or of another shape.
    """
    path = bundled_weights(str(name)) if str(name) in BUNDLED else Path(name)
    if not path.is_file():
        known = " or ".join(map(repr, BUNDLED))
        raise ModelError(
            f"no model {str(name)!r}: give {known}, or the path of a .safetensors file of 'xaisigns train'"
        )
    if not _is_own(path):
        if preprocessing is None:
            raise ModelError(
                f"{path} was not written by xaisigns and cannot tell how its images are prepared: "
                "give --input-size, --mean and --std (in Python a Preprocessing)"
            )
        return load_foreign(path, preprocessing)
    if preprocessing is not None:
        raise ModelError(f"{path} knows its input size, mean and std itself: leave them out")
    document, tensors = _read(path)
    if document.pop("format", None) != FORMAT:
        raise ModelError(
            f"{path} has another format version than {FORMAT}; use the xaisigns that wrote it, or a newer one"
        )
    try:
        stored = document.pop("network")
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in stored.items()}
        settings = NetworkSettings(**values)
        with torch.device("meta"):
            model = Classifier(settings, document)
        model.load_state_dict(tensors, assign=True)
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        problem = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} does not hold the network that it describes: {problem}") from error
    return model.requires_grad_(False).eval()


def write_tensors(path: Path, tensors: dict[str, Tensor], key: str, document: dict[str, Any]) -> None:
    """Write one whole safetensors file whose metadata has ``document`` as JSON under ``key``.

    Raises OutputError when it cannot be written.
    """
    with whole_file(path) as temporary:
        try:
            save_file(tensors, temporary, metadata={key: json_text(document, indent=None)})
        except SafetensorError as error:  # what safetensors makes of an OSError, such as a full disk
            raise OutputError(f"cannot write {path}: {error}; choose another place or make room") from error


def bundled_weights(name: str) -> Path:
    """The file of a model that comes with the package: in the wheel, or in the repository of an editable install."""
    package = Path(str(files("xaisigns")))
    installed = package / "weights" / f"{name}.safetensors"
    return installed if installed.is_file() else package.parent / "weights" / f"{name}.safetensors"


def _stored(tensor: Tensor) -> Tensor:
    return (tensor.half() if tensor.ndim > 1 else tensor).contiguous()


def _is_own(path: Path) -> bool:
    if path.suffix != ".safetensors":
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return _KEY in (file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is not a whole safetensors file ({error}); train or copy it again") from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            document = json.loads(file.metadata()[_KEY])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is not a whole safetensors file ({error}); train or copy it again") from error
    if not isinstance(document, dict):
        raise ModelError(f"{path} was not written by xaisigns: its metadata is no JSON object")
    return document, {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
