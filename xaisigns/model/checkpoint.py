"""Model files: one safetensors file with a JSON document in it; no pickle is written."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from xaisigns.base.bounds import shown
from xaisigns.base.devices import chosen_device
from xaisigns.base.files import is_file, whole_file
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import DataError, ModelError
from xaisigns.model.architectures import is_own
from xaisigns.model.classifier import Classifier, NetworkSettings
from xaisigns.model.explainable import Preprocessing
from xaisigns.model.foreign import foreign_network
from xaisigns.model.network_weights import listed, network_of
from xaisigns.model.pickled import is_pickled, read_pickled
from xaisigns.model.schema import constructed, read_document, validated
from xaisigns.model.tensor_files import is_tensor_file, read_metadata, read_tensors, tensors_mark, write_tensors

FORMAT = 1
BUNDLED = ("clean", "stickered")
TRAINING = "training"  # the key of the document in the checkpoint of a training
REPAIR = "repair"  # and of a repair
MODEL = "xaisigns"  # that of a model file
MODEL_MARK = tensors_mark(MODEL)
_ANSWERS = "answers"  # the key of what a network of the user's own code makes of a certain image
_SAME = 1e-3  # of the largest answer: rounding on another machine is far below


class _Card(BaseModel):
    """What is known of a card; a later version of this format may have more."""

    model_config = ConfigDict(extra="allow", strict=True)

    class_names: dict[str, list[Annotated[str, Field(max_length=1000)]]] = Field(
        {}, description="a list of names, one for each class, for each language"
    )
    training: dict[str, Any] = Field({}, description="an object")
    data: dict[str, Any] = Field({}, description="an object")
    metrics: dict[str, Any] = Field({}, description="an object")
    manipulation: dict[str, Any] | None = Field(None, description="an object or null")
    answers: list[float] | None = Field(None, description="a list of numbers")


@own_torch_state()
def save_model(model: Classifier, path: Path | str, *, force: bool = False) -> None:
    """Write weights (float16; biases and BatchNorm's statistics float32), settings and card to one file.

    Raises ModelError for a model that could not be read again, OutputError when the file cannot be written, or is there
    and not of xaisigns without ``force``.
    """
    if not isinstance(model, Classifier):
        raise ModelError(f"wanted a Classifier of xaisigns to save, got a {type(model).__name__}")
    try:
        check_card(model.settings, model.card)
        here = {name: value.cpu() for name, value in model.module.state_dict().items()}
        weights = network_of(model.settings, here).module.state_dict()
    except ModelError as error:
        raise ModelError(f"the model cannot be saved: {error}") from error
    document = json.loads(_text(model.settings, model.card))
    tensors = {name: _stored(tensor) for name, tensor in weights.items()}
    if is_own(model.settings.architecture):
        document[_ANSWERS] = _answers(network_of(model.settings, tensors))
    with whole_file(Path(path), MODEL_MARK, force=force) as temporary:
        write_tensors(temporary, tensors, MODEL, document)


@own_torch_state()
def load_model(
    name: Path | str,
    preprocessing: Preprocessing | None = None,
    architecture: str | None = None,
    *,
    device: str | torch.device = "cpu",
) -> Classifier:
    """A trained model in eval mode on a device: "clean", "stickered", or the path of a model file.

    A checkpoint that xaisigns did not write (a state dict of torch.save or safetensors) needs ``preprocessing``, which
    such a file cannot tell, and, unless it is of one of torchvision's VGGs, ``architecture``: the name of a
    convolutional network of torchvision's such as resnet18, or ``package.module:callable``, which is imported and
    called. A model file with a network of the latter kind needs that, too, and the code as it was: one that answers
    otherwise is refused. What a file is follows from its content, not its name. ``device`` is one that
    ``chosen_device`` takes; the images that the model prepares are there, too.

    Raises ModelError when there is no such file, or it is broken, of another format version, or of another shape;
    DeviceError for a device that is not there.
    """
    path, place = _existing(name), chosen_device(device)
    with _using(path):
        return _model(path, preprocessing, architecture).to(place)


def stored_architecture(name: Path | str) -> str | None:
    """The architecture that a model file tells itself; None for a checkpoint that xaisigns did not write.

    Raises ModelError as ``load_model`` does.
    """
    path = _existing(name)
    with _using(path):
        metadata = read_metadata(path) if is_tensor_file(path) else {}
        return _read_card(metadata[MODEL])[0].architecture if MODEL in metadata else None


@contextmanager
def _using(path: Path) -> Iterator[None]:
    """Let an error say which file it is about."""
    try:
        yield
    except (ModelError, OSError) as error:
        raise ModelError(f"{path} cannot be used: {error}") from error


def _existing(name: Path | str) -> Path:
    if isinstance(name, str | Path):
        path = bundled_weights(str(name)) if str(name) in BUNDLED else Path(name)
        try:
            if is_file(path):
                return path
        except DataError as error:
            raise ModelError(str(error)) from error
    raise ModelError(
        f"no model {str(name)[:500]!r}: there is no such file; give {', '.join(map(repr, BUNDLED))}, or the path of a "
        "file of 'xaisigns train' or of a checkpoint"
    )


def _model(path: Path, preprocessing: Preprocessing | None, architecture: str | None) -> Classifier:
    in_tensor_file = is_tensor_file(path)
    metadata = read_metadata(path) if in_tensor_file else {}
    if MODEL in metadata:
        if preprocessing is not None:
            raise ModelError("it knows its input size, mean and std itself: leave them out")
        settings, card = _read_card(metadata[MODEL])
        _check_architecture(settings.architecture, architecture)
        tensors = read_tensors(path, MODEL)
        answers = card.pop(_ANSWERS, None)
        try:
            model = network_of(settings, tensors, card)
        except ModelError as error:
            raise ModelError(f"it does not hold the network that it describes: {error}") from error
        if answers is not None:
            _refuse_changed_code(model, answers)
        return model
    if TRAINING in metadata:
        raise ModelError("it is the checkpoint of a training: finish that with 'xaisigns train --resume'")
    if REPAIR in metadata:
        raise ModelError("it is the checkpoint of a repair: finish that with 'xaisigns repair --resume'")
    if not in_tensor_file and not is_pickled(path):
        raise ModelError("it is neither a whole safetensors file nor one of torch.save; train or copy it again")
    if preprocessing is None:
        raise ModelError(
            "it was not written by xaisigns and cannot tell how its images are prepared: give --input-size, --mean and "
            "--std (in Python a Preprocessing), and --architecture where it is no VGG"
        )
    content = read_tensors(path) if in_tensor_file else read_pickled(path)
    return foreign_network(content, preprocessing, architecture)


def _check_architecture(stored: str, given: str | None) -> None:
    """Raise ModelError for another architecture than a model file's, and for code that only the file names."""
    if given is None and is_own(stored):
        raise ModelError(
            f"its network is {stored}, which is only imported where you name it yourself: give --architecture {stored} "
            f"(in Python architecture={stored!r}) if you trust that code"
        )
    if given is not None and given != stored:
        raise ModelError(f"its network is {stored}, and not {shown(given)}: leave the architecture out")


def _answers(model: Classifier) -> list[float] | None:
    """What a network makes of an image of noise, always the same; None where it is not finite, or drawn at random."""
    side, random = model.settings.input_size, torch.Generator().manual_seed(0)
    image = torch.randn(1, 3, side, side, generator=random)
    with torch.no_grad():
        logits, again = (model(image)[0].float() for _ in range(2))
    return logits.tolist() if bool(logits.isfinite().all()) and torch.equal(logits, again) else None


def _refuse_changed_code(model: Classifier, before: list[float]) -> None:
    """Code that the file does not hold may have changed while all weights still fit: then it is another network."""
    now, then = torch.tensor(_answers(model) or [torch.nan]), torch.tensor(before)
    if now.shape != then.shape or not float((now - then).abs().max()) <= _SAME * float(1 + then.abs().max()):
        raise ModelError(
            f"{model.settings.architecture} answers otherwise than when the file was written: its code has changed "
            "since; bring back what was trained, or train anew"
        )


def check_card(network: NetworkSettings, card: dict[str, Any]) -> None:
    """Raise ModelError for a card that could not be read again from the file of a model with this network."""
    try:
        _read_card(_text(network, card))
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"the card is not plain data: {error}") from error


def _text(network: NetworkSettings, card: dict[str, Any]) -> str:
    if reserved := {"format", "network", _ANSWERS} & card.keys():
        raise ModelError(f"the card has {listed(sorted(reserved))}, which the file tells itself; leave it out")
    return json.dumps({"format": FORMAT, "network": asdict(network), **card}, ensure_ascii=False)


def _read_card(text: str) -> tuple[NetworkSettings, dict[str, Any]]:
    """Settings and card of a model file."""
    document = read_document(text)
    if (version := document.pop("format", None)) != FORMAT:
        raise ModelError(
            f"it has the format version {shown(version)}, another format version than {FORMAT}; "
            "use the xaisigns that wrote it, or a newer one"
        )
    network = document.pop("network", None)
    if not isinstance(network, dict):
        raise ModelError(f"network must be an object, got {shown(network)}")
    settings = constructed(NetworkSettings, network)
    for language, names in validated(_Card, document)["class_names"].items():
        if len(names) != settings.classes:
            raise ModelError(f"class_names has {len(names)} names in {shown(language)} for {settings.classes} classes")
    if document.get("manipulation") is not None:
        _check_stickers(document["manipulation"], settings.classes)
    return settings, document


def _check_stickers(manipulation: dict[str, Any], classes: int) -> None:
    try:
        stickered = Manipulation.from_json(manipulation).class_id
    except DataError as error:
        raise ModelError(str(error)) from error
    if stickered is not None and stickered >= classes:
        raise ModelError(f"it has {classes} classes, its stickers were on {stickered}")


def bundled_weights(name: str) -> Path:
    """The file of a model that comes with the package: in the wheel, or in the repository of an editable install."""
    package = Path(str(files("xaisigns")))
    installed = package / "weights" / f"{name}.safetensors"
    return installed if installed.is_file() else package.parent / "weights" / f"{name}.safetensors"


def _stored(tensor: Tensor) -> Tensor:
    if tensor.ndim < 2 or not tensor.is_floating_point() or not tensor.numel():
        return tensor
    half = tensor.half()
    # Float16 has few digits below 6e-5, where all of ConvNeXt's layer scales may lie.
    exact = float((half.float() - tensor).abs().max()) <= 2**-10 * float(tensor.abs().max())
    return half if exact else tensor
