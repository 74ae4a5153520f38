"""Which images of a data set get a sticker, and a manipulated copy of it on disk."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xaisigns.data.image_set import SPLITS, Sample, Split
from xaisigns.data.opening import open_images
from xaisigns.data.preprocessing import read_image
from xaisigns.data.stickers import Sticker, apply_sticker, keyed_random
from xaisigns.data.written import MANIFEST, STICKER, Entry, read_masks, write_images, written_manifest
from xaisigns.errors import DataError


@dataclass(frozen=True)
class Manipulation:
    """Stickers on a share of the images of one class, or of all classes when ``class_id`` is None.

    Which images and which stickers follow from ``seed`` and the images' keys alone. Raises DataError for a class that
    no data set has and for a fraction outside 0..1.
    """

    class_id: int | None = 4
    fraction: float = 1.0
    seed: int = 0
    sticker: Sticker = field(default_factory=Sticker)

    def __post_init__(self) -> None:
        if self.class_id is not None and not (isinstance(self.class_id, int) and self.class_id >= 0):
            raise DataError(f"the class of stickered images must be a number from 0 on, got {self.class_id!r}")
        if not 0 <= self.fraction <= 1:
            raise DataError(f"the fraction of stickered images must lie in 0..1, got {self.fraction}")

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
    def from_json(cls, data: dict[str, Any]) -> "Manipulation":
        """The inverse of ``to_json``. Raises DataError for anything else."""
        try:
            sticker: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in data["sticker"].items()
            }
            return cls(**{**data, "sticker": Sticker(**sticker)})
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"not a manipulation as xaisigns writes it: {error}") from error


def read_manifest(root: Path, split: Split) -> Manipulation | None:
    """What was done to the images of this split below ``root``: None unless they are a manipulated copy's.

    Raises DataError, with the path, for a manifest that xaisigns did not write.
    """
    manifest = written_manifest(root)
    if manifest is None:
        return None
    try:
        manipulated = split in manifest["splits"]
        return Manipulation.from_json(manifest["manipulation"]) if manipulated else None
    except (KeyError, TypeError, DataError) as error:
        raise DataError(f"{root / MANIFEST} is not a manifest of 'xaisigns data sticker': {error}") from error


def write_manipulated_copy(
    root: Path,
    out: Path,
    manipulation: Manipulation,
    stickered: Literal["train", "test", "all"] = "train",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write the data set below ``root`` to ``out``, with stickers, masks and a manifest.

    The copy of GTSRB is in the official layout, with PPM images; that of a folder for each class is its like, with PNG.
    Stickers go on the images of the ``stickered`` split or splits; every other image is copied as it is.
    ``masks/`` mirrors the layout with one PNG (0 or 255) for each stickered image; the masks of a drawn data set come
    along. The manifest is returned.
    ``progress`` gets images done and in all. Raises DataError for a class that is not there and for missing or broken
    images, OutputError when ``out`` exists with something in it or cannot be written; then nothing is left there.
    """
    sets = {split: open_images(root, split) for split in SPLITS}
    sets["train"].check_class(manipulation.class_id)
    splits = [split for split in SPLITS if stickered in ("all", split)]
    drawn = {key: value for key, value in (written_manifest(root) or {}).items() if key == "rendered"}

    def entries(split: Split) -> Iterator[Entry]:
        for sample in sets[split].samples:
            chosen = split in splits and manipulation.selects(sample)
            entry = manipulated(sample, read_image(sample.path), manipulation if chosen else None)
            yield entry._replace(masks={**read_masks(sets[split], sample), **entry.masks})

    return write_images(
        out,
        "folders" if sets["train"].layout == "folders" else "official",
        {split: entries(split) for split in SPLITS},
        {**drawn, "manipulation": manipulation.to_json(), "splits": splits},
        total=sum(map(len, sets.values())),
        progress=progress,
    )


def manipulated(sample: Sample, image: Image.Image, manipulation: Manipulation | None) -> Entry:
    """An image to write, with its sticker and the sticker's mask when there is a manipulation."""
    if manipulation is None:
        return Entry(sample, image, {})
    image, mask = manipulation.apply(image, sample)
    return Entry(sample, image, {STICKER: mask})
