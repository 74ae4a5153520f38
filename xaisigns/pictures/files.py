"""Image files in, pictures out: what every command that makes pictures of images shares."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from xaisigns.base.language import Language
from xaisigns.data.preprocessing import LONGEST, MAX_PIXELS, rgb
from xaisigns.errors import DataError, ModelError
from xaisigns.model.explainable import Explainable

_BATCH = 16
_PIXELS = 1_000_000
_LONGEST = 255  # bytes of a name


class PictureNames:
    """Gives every image a picture's name of its own, that of the image where it is free with all ``endings``."""

    def __init__(self, folder: Path, images: Sequence[Path], endings: Sequence[str] = (".png",)) -> None:
        self._folder = folder
        self._endings = endings
        self._more = max(map(len, endings)) - len(".png")  # letters of the longest ending that a picture's has not
        self._taken = {_key(path) for path in images}
        self._numbers: dict[str, int] = defaultdict(int)  # tried for a stem

    def take(self, image: Path) -> Path:
        """The path of the picture of an image."""
        while True:
            self._numbers[image.stem] += 1
            number = self._numbers[image.stem]
            path = self._folder / _fitting(image.stem, ".png" if number == 1 else f"-{number}.png", self._more)
            keys = {_key(path.with_suffix(ending)) for ending in self._endings}
            if not keys & self._taken:
                self._taken |= keys
                return path


def _fitting(stem: str, ending: str, more: int) -> str:
    """A name that is shorter, by ``more`` bytes or not at all, than file systems let names be."""
    while len(os.fsencode(stem + ending)) + more > _LONGEST:
        stem = stem[:-1]
    return stem + ending


def _key(path: Path) -> str:
    """The same for what some file systems hold for one: A.png and a.png, ö in one character and in two."""
    try:
        whole = os.path.realpath(path)
    except (OSError, ValueError):  # a name that no file can have
        whole = str(path)
    return unicodedata.normalize("NFC", whole).casefold()


def batches(
    paths: Sequence[Path], skipped: list[dict[str, str]], max_pixels: int = MAX_PIXELS
) -> Iterator[list[tuple[Path, Image.Image]]]:
    """Decoded images in batches of bounded memory; what cannot be read goes to ``skipped``.

    No image has more than LONGEST pixels on a side, and none is decoded before the batch before it is done with.
    """
    batch: list[tuple[Path, Image.Image]] = []
    for path in paths:
        try:
            batch.append((path, rgb(path, longest=LONGEST, max_pixels=max_pixels)))
        except DataError as error:
            skipped.append({"image": str(path), "error": str(error)})
        if len(batch) == _BATCH or sum(image.width * image.height for _, image in batch) >= _PIXELS:
            yield batch
            batch = []
    if batch:
        yield batch


def in_order(skipped: list[dict[str, str]], paths: Sequence[Path]) -> list[dict[str, str]]:
    """What was skipped in the order of the images, whenever it was found out."""
    places = {str(path): place for place, path in enumerate(paths)}
    return sorted(skipped, key=lambda one: places[one["image"]])


def check_class(model: Explainable, option: str, class_id: int | None) -> None:
    """Raise ModelError, naming the option, for a class that the model does not have."""
    classes = model.classes
    if class_id is not None and class_id not in range(classes):
        raise ModelError(f"the model has no class {class_id}; give --{option} a number from 0 to {classes - 1}")


def named_class(model: Explainable, class_id: int, language: Language) -> dict[str, Any]:
    """A class as it is told in JSON."""
    return {"id": class_id, "name": model.class_name(class_id, language)}
