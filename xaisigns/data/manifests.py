"""The schema of manifest.json, imported only where there is one: pydantic takes a while to load."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from xaisigns.base.documents import first_fault, strict_json
from xaisigns.data.drawn.sign_set import DrawnSet
from xaisigns.data.image_set import Split
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import DataError

_LARGEST = 1 << 26  # bytes; a copy of GTSRB with a sticker on every image has 3 million


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: Annotated[int, Field(ge=1, le=1)]
    counts: dict[Split, Annotated[int, Field(ge=0, le=10**9)]]
    stickered: list[str]
    splits: list[Split] = []
    manipulation: Annotated[Manipulation, BeforeValidator(Manipulation.from_json)] | None = None
    rendered: DrawnSet | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "_Manifest":
        if len(set(self.splits)) != len(self.splits) or len(set(self.stickered)) != len(self.stickered):
            raise ValueError("a split or a stickered image is named twice")
        if bool(self.splits) != bool(self.manipulation):
            raise ValueError("splits and manipulation belong together, and one of them is missing")
        return self


def read(path: Path) -> dict[str, Any]:
    """The document in a manifest of xaisigns'. Raises DataError, with the path, for anything else."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        document: dict[str, Any] = strict_json(text if len(text) <= _LARGEST else b"")
        _Manifest.model_validate_json(text)
    except (OSError, ValueError, DataError) as error:
        reason = first_fault(error) if isinstance(error, ValidationError) else error
        raise DataError(
            f"{path} is not a manifest of 'xaisigns data sticker': {reason}; bring back the one that was written, "
            "or move it away if it is another program's"
        ) from error
    return document
