"""What a fine-tuning keeps on disk between its steps, so that one that was killed goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from xaisigns.base.files import is_file, whole_file
from xaisigns.errors import ModelError
from xaisigns.model.checkpoint import REPAIR
from xaisigns.model.schema import read_document, validated
from xaisigns.model.tensor_files import CHECKSUM, read_metadata, read_tensors, tensors_mark, write_tensors

CHECKPOINT_MARK = tensors_mark(REPAIR)


class _Stored(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    identity: dict[str, Any]
    state: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """A file with the state of a fine-tuning; with ``resume`` what lies there is gone on from.

    ``identity`` is plain data that tells this fine-tuning from all others.
    """

    path: Path
    identity: Mapping[str, Any]
    resume: bool
    force: bool

    def write(self, tensors: dict[str, Tensor], state: Mapping[str, Any]) -> None:
        """Keep a state, tensors and plain data. Raises OutputError where the file cannot be written."""
        with whole_file(self.path, CHECKPOINT_MARK, force=self.force) as temporary:
            write_tensors(temporary, tensors, REPAIR, {"identity": dict(self.identity), "state": dict(state)})

    def restore(self, take: Callable[[dict[str, Tensor], dict[str, Any]], None]) -> None:
        """Have a state taken over, where there is one and it is to be resumed.

        Raises ModelError for a file that is broken or cannot be taken over, and for one of another repair.
        """
        if not self.resume or not is_file(self.path):
            return
        try:
            metadata = read_metadata(self.path)
            stored = validated(_Stored, read_document(metadata[REPAIR]))
            tensors = read_tensors(self.path, REPAIR) if metadata[CHECKSUM] else {}
            same = stored["identity"] == dict(self.identity)
            if same:
                take(tensors, stored["state"])
        except (ModelError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"{self.path} is not a whole checkpoint ({error}); delete it, or repair without --resume"
            ) from error
        if not same:
            raise ModelError(
                f"{self.path} belongs to another repair: model, finding, settings or data differ; "
                "repeat the first command's options, or repair without --resume"
            )
