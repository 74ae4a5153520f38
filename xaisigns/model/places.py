"""Where the files of a training are, and whether they can be written: asked before the work."""

import os
from pathlib import Path

from xaisigns.data.files import cannot_write, is_folder
from xaisigns.errors import ModelError, OutputError
from xaisigns.model.checkpoint import MODEL, TRAINING
from xaisigns.model.tensor_files import is_tensor_file, read_metadata

LOG_COLUMNS = ("epoch", "loss", "accuracy", "validation_accuracy", "seconds")
_CHECKPOINT = ".checkpoint.safetensors"


def checkpoint_path(out: Path) -> Path:
    """Where the training of ``out`` keeps its state between epochs."""
    return out.with_suffix(_CHECKPOINT)


def log_path(out: Path) -> Path:
    """Where the training of ``out`` writes a row for each epoch."""
    return out.with_suffix(".csv")


def check_places(out: Path) -> None:
    """Raise OutputError where a file of a training cannot be written, or is there and not of an earlier training."""
    if is_folder(out):
        raise OutputError(f"cannot write {out}: it is a folder; name a file instead")
    if out.name.lower().endswith((".csv", _CHECKPOINT)):
        raise OutputError(
            f"cannot write the model to {out}: the training's log or checkpoint has such a name; name another"
        )
    for path in (out, log_path(out), checkpoint_path(out)):
        if is_folder(path):
            raise OutputError(f"cannot write {path}: it is a folder; name another model file")
        try:
            path.lstat()
            ours = _is_of_training(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as error:
            raise cannot_write(path, error if isinstance(error, OSError) else OSError(str(error))) from error
        if not ours:
            raise OutputError(f"{path} is there, and not of an earlier training: move it, or name another model file")
    _check_writable(out)


def _is_of_training(path: Path) -> bool:
    if is_tensor_file(path):
        try:
            return not read_metadata(path).keys().isdisjoint((MODEL, TRAINING))
        except ModelError:
            return False
    with path.open("rb") as file:
        header = ",".join(LOG_COLUMNS).encode()
        return file.read(len(header)) == header


def _check_writable(out: Path) -> None:
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise OutputError(f"cannot write {out}: {folder} is no folder; choose another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {out}: {folder} does not let one; choose another place")
