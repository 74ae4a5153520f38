"""Which images of a data set get a sticker, and a manipulated copy of it on disk."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xaisigns.base.bounds import check_seed, real, shown, whole
from xaisigns.base.documents import first_fault
from xaisigns.base.progress import Progress, silent
from xaisigns.data.export import STICKER, Entry, check_copyable, copied, copy_layout, read_masks, write_images
from xaisigns.data.image_set import SPLITS, Sample, Split
from xaisigns.data.layouts import open_images
from xaisigns.data.preprocessing import read_image
from xaisigns.data.stickers import Sticker, apply_sticker, keyed_random
from xaisigns.errors import DataError, OutputError

_LARGEST_CLASS = 999_999


@dataclass(frozen=True)
class Manipulation:
    """Stickers on a share of the images of one class, or of all classes when ``class_id`` is None.

    Which images and which stickers follow from ``seed`` and the images' keys alone. Raises DataError for a class that
    no data set has, for a fraction outside 0..1 and for a seed outside 0..2**63 - 1.
    """

    class_id: int | None = 4
    fraction: float = 1.0
    seed: int = 0
    sticker: Sticker = field(default_factory=Sticker)

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    def __post_init__(self) -> None:
        class_id = None if self.class_id is None else whole(self.class_id, 0, _LARGEST_CLASS)
        if class_id is None and self.class_id is not None:
            raise DataError(
                "the class of stickered images must be a number from 0 on, "
                f"and at most {_LARGEST_CLASS}, got {shown(self.class_id)}"
            )
        fraction = real(self.fraction, 0, 1)
        if fraction is None:
            raise DataError(f"the fraction of stickered images must lie in 0..1, got {shown(self.fraction)}")
        if not isinstance(self.sticker, Sticker):
            raise DataError(f"the sticker of stickered images must be a Sticker, got {shown(self.sticker)}")
        plain = {"class_id": class_id, "fraction": fraction, "seed": check_seed(self.seed)}
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def selects(self, sample: Sample) -> bool:
        """Whether this image gets a sticker."""
        if self.class_id not in (None, sample.class_id):
            return False
        return keyed_random(self.seed, f"selected/{sample.key}").random() < self.fraction

    def apply(self, image: Image.Image, sample: Sample) -> tuple[Image.Image, NDArray[np.bool_]]:
        """The image with its sticker and the sticker's mask ``(H, W)``."""
        return apply_sticker(image, sample.box(image), self.sticker, seed=self.seed, key=sample.key)

    def everywhere(self) -> "Manipulation":
        """The same stickers on every image of every class."""
        return replace(self, class_id=None, fraction=1.0)

    def to_json(self) -> dict[str, Any]:
        """Plain data for manifests and model files."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> "Manipulation":
        """The inverse of ``to_json``. Raises DataError for anything else."""
        # Only what reads a manifest or a model file needs it, and it takes a while to load.
        from pydantic import TypeAdapter, ValidationError

        missing = [name for name in asdict(cls()) if not isinstance(data, dict) or name not in data]
        if missing:
            raise DataError(f"not a manipulation as xaisigns writes it: {missing[0]} is missing in {shown(data)}")
        try:
            return TypeAdapter(cls).validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            raise DataError(f"not a manipulation as xaisigns writes it: {first_fault(error)}") from error
        except (TypeError, ValueError, RecursionError) as error:
            raise DataError(f"not a manipulation as xaisigns writes it: {error}") from error


def write_manipulated_copy(
    root: Path,
    out: Path,
    manipulation: Manipulation,
    stickered: Literal["train", "test", "all"] = "train",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the data set below ``root`` to ``out``, with stickers, masks and a manifest.

    A copy of GTSRB's classes has the official layout, with PPM images; any other has a folder for each class, with PNG
    images, and neither boxes nor tracks.
    Stickers go on the images of the ``stickered`` split or splits; every other image is copied as it is. ``masks/``
    mirrors the layout with one PNG (0 or 255) for each stickered image; the masks of a drawn data set come along. The
    manifest is returned. ``progress`` gets images done and in all.
    Raises DataError for a class that is not there, for missing or broken images, where some have stickers already, and
    as ``check_copyable`` does; OutputError when ``out`` exists with something in it, cannot be written, or lies in
    ``root`` (or ``root`` in it); then nothing is left there.
    """
    _refuse_in_each_other(root, out)
    sets = {split: open_images(root, split) for split in SPLITS}
    sets["train"].check_class(manipulation.class_id)
    manifest = sets["train"].manifest or {}
    if manifest.get("splits"):
        raise DataError(f"{sets['train'].root} has stickers already (manifest.json): name the original")
    for data in sets.values():
        check_copyable(data)
    splits = [split for split in SPLITS if stickered in ("all", split)]
    drawn = {key: value for key, value in manifest.items() if key == "rendered"}

    def entries(split: Split) -> Iterator[Entry]:
        for sample in sets[split].samples:
            chosen = split in splits and manipulation.selects(sample)
            image = read_image(sample.path)
            entry = manipulated(sample, image, manipulation if chosen else None)
            masks = {**read_masks(sets[split], sample, image), **entry.masks}
            yield entry._replace(sample=copied(sample, sets[split]), masks=masks)

    return write_images(
        out,
        copy_layout(sets["train"]),
        {split: entries(split) for split in SPLITS},
        {**drawn, "manipulation": manipulation.to_json(), "splits": splits},
        total=sum(map(len, sets.values())),
        progress=partial(progress, "copying"),
    )


def _refuse_in_each_other(root: Path, out: Path) -> None:
    # A copy in the original would change what it is a copy of.
    original, copy = (Path(os.path.realpath(path)) for path in (root, out))
    if original in (copy, *copy.parents) or copy in original.parents:
        raise OutputError(f"{out} lies in {root}, or that in it; name a new folder beside {root}")


def manipulated(sample: Sample, image: Image.Image, manipulation: Manipulation | None) -> Entry:
    """An image to write, with its sticker and the sticker's mask if there is a manipulation."""
    if manipulation is None:
        return Entry(sample, image, {})
    image, mask = manipulation.apply(image, sample)
    return Entry(sample, image, {STICKER: mask})
