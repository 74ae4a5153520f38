"""Where the files of a training are, and whether they can be written: asked before the work."""

from pathlib import Path

from xaisigns.base.files import Place, check_places
from xaisigns.errors import OutputError
from xaisigns.model.checkpoint import MODEL_MARK, TRAINING
from xaisigns.model.tensor_files import tensors_mark

LOG_COLUMNS = ("epoch", "loss", "accuracy", "validation_accuracy", "seconds")
_CHECKPOINT = ".checkpoint.safetensors"
_KINDS = (".safetensors", ".pt", ".pth")


def checkpoint_path(out: Path, of: str = "") -> Path:
    """Where the training of ``out``, or ``of`` something that is trained beside it, keeps its state."""
    return _beside(out, f".{of}{_CHECKPOINT}" if of else _CHECKPOINT)


def training_places(out: Path) -> list[Place]:
    """Where the training of ``out`` keeps its log, a row for each epoch, and its state."""
    log = Place(_beside(out, ".csv"), ",".join(LOG_COLUMNS).encode())
    return [log, Place(checkpoint_path(out), tensors_mark(TRAINING))]


def check_training_places(out: Path, *, force: bool = False) -> None:
    """Raise OutputError where a file of a training cannot be written, or without ``force`` is there and not ours."""
    check_name(out)
    check_places([Place(out, MODEL_MARK), *training_places(out)], force=force)


def check_name(out: Path) -> None:
    """Raise OutputError for a model file that has no name, or one as the files beside it have."""
    if not out.name:
        raise OutputError(f"cannot write {out}: it is a folder; name a file instead")
    if out.name.lower().endswith((".csv", _CHECKPOINT)):
        raise OutputError(
            f"cannot write the model to {out}: the training's log or checkpoint has such a name; name another"
        )


def _beside(out: Path, ending: str) -> Path:
    # Only what says the kind of file is taken off: net.1 and net.2 are two trainings.
    stem = out.stem if out.suffix.lower() in _KINDS else out.name
    return out.with_name(stem + ending)
