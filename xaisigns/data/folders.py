"""A folder for each class, as torchvision's ImageFolder takes it, for training and for test images.

ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png; ``val`` or ``valid`` stand in where there is no ``test``
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from xaisigns.base.files import is_folder
from xaisigns.data.image_set import SPLITS, ImageSet, Sample, Split
from xaisigns.data.listing import IMAGE_SUFFIXES, Listing, entries, files_below, is_image
from xaisigns.errors import DataError

_PLACES: dict[Split, tuple[str, ...]] = {"train": ("train",), "test": ("test", "val", "valid")}
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Folders(ImageSet):
    """The training or test images of a folder for each class, in the order of their names.

    Class ids count the names of the training folders in their order as text (10 comes before 2), those of the test
    folders where there is no training. Images may lie deeper in a class's folder, behind links too; what is hidden, a
    system's own, or has no image's suffix, is left out. Neither boxes nor tracks are known. Raises DataError, with the
    path, when the split is missing, a class has no training image, a test class is none of training, a name is no text,
    a link leads nowhere, or a folder may not be read.
    """

    def __init__(self, root: Path | str, split: Split = "train") -> None:
        root = Path(root)
        folder = _place(root, split)
        if folder is None:
            raise DataError(
                f"{root} has no {split} images: put them into {root / _PLACES[split][0]}/CLASS, a folder for each class"
            )
        names = sorted(_class_folders(_place(root, "train") or folder))
        samples = sorted(_samples(folder, names), key=lambda sample: (sample.class_id, sample.key))
        if split == "train":
            _refuse_empty(folder, names, samples)
        _refuse_same_keys(samples)
        if not samples:
            raise DataError(f"no image in the folders of {folder}; wanted one of {', '.join(IMAGE_SUFFIXES)}")
        super().__init__(root, split, samples, names, "folders")


def is_folders(root: Path) -> bool:
    """Whether there is a folder for either split."""
    return any(_place(root, split) for split in SPLITS)


def has_folder_images(root: Path) -> bool:
    """Whether a class of either split has an image."""
    places = [place for split in SPLITS if (place := _place(root, split))]
    classes = (found.path for place in places for found in entries(place) if found.is_folder)
    return any(is_image(path) for folder in classes for path in files_below(folder))


def _place(root: Path, split: Split) -> Path | None:
    """The first of the split's folders, whatever the case of its letters if only one fits."""
    if not is_folder(root):
        return None
    listing = Listing(root)
    for name in _PLACES[split]:
        found = [path for path in listing.find(name) if is_folder(path)]
        if len(found) > 1:
            raise DataError(f"{root} has {found[0].name} and {found[1].name} for {name}; rename one of them")
        if found:
            return found[0]
    return None


def _class_folders(folder: Path) -> dict[str, list[Path]]:
    """The folders of each class by its name in composed Unicode; macOS may have decomposed it."""
    found: dict[str, list[Path]] = {}
    for path in (entry.path for entry in entries(folder) if entry.is_folder):
        _refuse_unprintable(path, path.name)
        found.setdefault(unicodedata.normalize("NFC", path.name), []).append(path)
    if not found:
        raise DataError(f"{folder} has no folder for a class; put its images into {folder}/CLASS")
    return found


def _samples(folder: Path, names: list[str]) -> Iterator[Sample]:
    ids = {name: class_id for class_id, name in enumerate(names)}
    for name, class_folders in _class_folders(folder).items():
        if name not in ids:
            raise DataError(
                f"{class_folders[0]} is a class that training does not have; it has {', '.join(names[:20])}"
            )
        for class_folder in class_folders:
            for path in files_below(class_folder):
                if is_image(path):
                    place = path.relative_to(class_folder).as_posix()
                    _refuse_unprintable(path, place)
                    # A manipulated copy holds every image as PNG, and its key must stay what it was.
                    yield Sample(path, ids[name], None, None, f"{name}/{place}".removesuffix(".png"))


def _refuse_empty(folder: Path, names: list[str], samples: list[Sample]) -> None:
    filled = {sample.class_id for sample in samples}
    empty = [name for class_id, name in enumerate(names) if class_id not in filled]
    if empty:
        raise DataError(f"{folder / empty[0]} has no image; put some into it, or delete it and its test images")


def _refuse_same_keys(samples: list[Sample]) -> None:
    for one, other in itertools.pairwise(samples):
        if one.key == other.key:
            raise DataError(f"{one.path} and {other.path} would have one name in a copy; rename one of them")


def _refuse_unprintable(path: Path, name: str) -> None:
    if _UNPRINTABLE.search(name):
        raise DataError(f"{str(path)!r} has characters in its name that are no text; rename it")
