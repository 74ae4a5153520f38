"""Which images of a data set get a sticker, and a manipulated copy of it on disk."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xaisigns.data.classes import CLASSES
from xaisigns.data.files import cannot_write, whole_file
from xaisigns.data.gtsrb import GTSRB, Sample, Split
from xaisigns.data.preprocessing import read_image
from xaisigns.data.stickers import Sticker, apply_sticker, keyed_random
from xaisigns.errors import DataError, OutputError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manipulation:
    """Stickers on a share of the images of one class, or of all classes when ``class_id`` is None.

    Which images and which stickers follow from ``seed`` and the images' keys alone. Raises DataError for a class that
    GTSRB does not have and for a fraction outside 0..1.
    """

    class_id: int | None = 4
    fraction: float = 1.0
    seed: int = 0
    sticker: Sticker = field(default_factory=Sticker)

    def __post_init__(self) -> None:
        if self.class_id is not None and self.class_id not in range(len(CLASSES)):
            raise DataError(f"class {self.class_id} does not exist; GTSRB's classes are 0 to {len(CLASSES) - 1}")
        if not 0 <= self.fraction <= 1:
            raise DataError(f"the fraction of stickered images must lie in 0..1, got {self.fraction}")

    def selects(self, sample: Sample) -> bool:
        """Whether this image gets a sticker."""
        if self.class_id not in (None, sample.class_id):
            return False
        return keyed_random(self.seed, f"selected/{sample.key}").random() < self.fraction

    def apply(self, image: Image.Image, sample: Sample) -> tuple[Image.Image, NDArray[np.bool_]]:
        """The image with its sticker and the sticker's mask ``(H, W)``."""
        return apply_sticker(image, sample.roi, self.sticker, seed=self.seed, key=sample.key)

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
    path = root / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manipulated = split in manifest["splits"]
        return Manipulation.from_json(manifest["manipulation"]) if manipulated else None
    except (OSError, ValueError, KeyError, TypeError, DataError) as error:
        raise DataError(f"{path} is not a manifest of 'xaisigns data sticker': {error}") from error


def write_manipulated_copy(
    root: Path,
    out: Path,
    manipulation: Manipulation,
    stickered: Literal["train", "test", "all"] = "train",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write the data set below ``root`` to ``out`` in the official layout, with stickers, masks and a manifest.

    Stickers go on the images of the ``stickered`` split or splits; every other image is copied as it is (as PPM).
    ``masks/`` mirrors the layout with one PNG (0 or 255) for each stickered image. The manifest comes last and is
    returned. ``progress`` gets images done and in all. Raises DataError for missing or broken images, OutputError when
    ``out`` exists with something in it or cannot be written; what was written until then is removed.
    """
    splits: tuple[Split, ...] = ("train", "test")
    sets = {split: GTSRB(root, split) for split in splits}
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is not an empty folder; name a new one")
    total, done = sum(map(len, sets.values())), 0
    chosen: list[str] = []
    try:
        for split, data in sets.items():
            tables: dict[Path, list[str]] = {}
            for sample in data.samples:
                place = _official_place(sample, split)
                with_sticker = stickered in ("all", split) and manipulation.selects(sample)
                size = _write_image(sample, out, place, manipulation if with_sticker else None)
                if with_sticker:
                    chosen.append(place.as_posix())
                row = [place.name, *size, *sample.roi, sample.class_id]
                tables.setdefault(_official_table(place, split), []).append(";".join(map(str, row)))
                done += 1
                if progress:
                    progress(done, total)
            for table, rows in tables.items():
                header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
                (out / table).write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        manifest = {
            "format": 1,
            "manipulation": manipulation.to_json(),
            "splits": list(splits) if stickered == "all" else [stickered],
            "counts": {split: len(data) for split, data in sets.items()},
            "stickered": chosen,
        }
        with whole_file(out / MANIFEST) as path:
            path.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    except BaseException as error:
        shutil.rmtree(out, ignore_errors=True)
        if isinstance(error, OSError):
            raise cannot_write(out, error) from error
        raise
    return manifest


def _official_place(sample: Sample, split: Split) -> Path:
    if split == "test":
        return Path("GTSRB/Final_Test/Images") / f"{sample.key}.ppm"
    folder, _, name = sample.key.partition("_")
    return Path("GTSRB/Final_Training/Images") / folder / f"{name}.ppm"


def _official_table(place: Path, split: Split) -> Path:
    return Path("GTSRB/GT-final_test.csv") if split == "test" else place.parent / f"GT-{place.parent.name}.csv"


def _write_image(sample: Sample, out: Path, place: Path, manipulation: Manipulation | None) -> tuple[int, int]:
    image = read_image(sample.path)
    (out / place).parent.mkdir(parents=True, exist_ok=True)
    if manipulation:
        image, mask = manipulation.apply(image, sample)
        mask_path = (out / "masks" / place).with_suffix(".png")
        mask_path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(mask_path)
    image.save(out / place)
    return image.size
