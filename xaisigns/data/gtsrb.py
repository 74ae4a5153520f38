"""GTSRB on disk: finds which of its three layouts is there and gives its samples.

official     GTSRB/Final_Training/Images/000CC/*.ppm with GT-000CC.csv; GTSRB/Final_Test/Images/*.ppm with
             GT-final_test.csv
kaggle       Train.csv with Train/C/*.png; Test.csv with Test/*.png
torchvision  GTSRB/Training/000CC/*.ppm with GT-000CC.csv (another archive, 26,640 images); the official test set

Where more than one is there, it is the first that has images. Names are found whatever the case of their letters.
"""

import contextlib
import gc
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from xaisigns.base.files import is_file, is_folder
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.image_set import MANIFEST, SPLITS, ImageSet, Sample, Split
from xaisigns.data.listing import Listing, entries, files_below, is_image
from xaisigns.data.tables import Row, names_in, place_below, read_rows
from xaisigns.errors import DataError

_NUMBER = re.compile("[0-9]{1,9}")
Layout = Literal["official", "kaggle", "torchvision"]
_Place = tuple[Layout, Path]  # the folder of the images; of Kaggle's the table


class GTSRB(ImageSet):
    """The training or test images below ``root``, in the order of their annotation files.

    The root of a data set that xaisigns wrote is the folder with its manifest, if ``root`` is that of its images, too.
    Raises DataError, with the path, when no layout is found, when an annotation is missing, broken or of another class
    than its image's folder or name, or when an annotated image is not there. An image that cannot be decoded raises
    DataError when it is asked for.
    Source: [stallkamp2012man].
    """

    def __init__(self, root: Path | str, split: Split = "train") -> None:
        root = Path(root)
        layout, path = find_layout(root, split)
        images = _Images()
        with _no_collection():
            samples = list(_SAMPLES[layout, split](path, images))
        if not samples:
            raise DataError(f"{root} has the folders of GTSRB but no annotated image; fetch the archives again")
        if images.missing:
            raise DataError(
                f"{images.missing[0]} is missing ({len(images.missing)} of {len(samples)} annotated images are); "
                "fetch them again"
            )
        _refuse_twice(samples)
        super().__init__(_written_root(root, layout, path), split, samples, CLASS_NAMES, layout)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Suspend garbage collection, which would go through tens of thousands of samples again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _written_root(root: Path, layout: Layout, path: Path) -> Path:
    """The folder that xaisigns wrote, where ``root`` lies within or above it; else ``root``."""
    if layout != "official":
        return root
    above = Path(os.path.realpath(path)).parents[2]
    # Another program's manifest has no masks beside it.
    written = is_file(above / MANIFEST) and is_folder(above / "masks")
    return above if written and not is_file(root / MANIFEST) else root


def find_layout(root: Path, split: Split) -> _Place:
    """The layout of ``split`` below ``root``, and its folder of images or, of Kaggle's, its table.

    Of all that are there it is the first that has images, else the first. Raises DataError where there is none, saying
    what was looked for.
    """
    places = list(_places(root, split)) if is_folder(root) else []
    if not places:
        raise nothing_found(root, split)
    return _fullest(places)


def nothing_found(root: Path, split: Split) -> DataError:
    """The error that says what was looked for below ``root``."""
    if not is_folder(root):
        return DataError(f"{root} is not a folder; name the folder that holds GTSRB, or your own images in train/CLASS")
    wanted = {
        "train": "GTSRB/Final_Training/Images, GTSRB/Training or Train.csv",
        "test": "GTSRB/Final_Test/Images or Test.csv",
    }[split]
    return DataError(
        f"no GTSRB {split} images below {root}: looked for {wanted}; fetch them with 'xaisigns data download {root}', "
        f"or name a folder of your own with {split}/CLASS in it"
    )


def has_layout(root: Path, split: Split, layout: str) -> bool:
    """Whether ``find_layout`` finds this one."""
    places = list(_places(root, split)) if is_folder(root) else []
    return bool(places) and _fullest(places)[0] == layout


def is_gtsrb(root: Path) -> bool:
    """Whether either split is there in one of the layouts."""
    return any(any(_places(root, split)) for split in SPLITS)


def has_gtsrb_images(root: Path) -> bool:
    """Whether an image of either split is there in one of the layouts, or a table of GTSRB's that is broken."""
    return any(_has_images(place, broken=True) for split in SPLITS for place in _places(root, split))


def _places(root: Path, split: Split) -> Iterator[_Place]:
    below = list(_folders(root, "GTSRB"))
    for base in (root, *_folders(root, "GTSRB", "GTSRB"), *below):
        training: list[_Place] = [("official", path) for path in _folders(base, "Final_Training", "Images")]
        training += [("torchvision", path) for path in _folders(base, "Training")]
        if split == "train":
            yield from training
        yield from (("kaggle", table) for table in _named(base, f"{split.title()}.csv") if is_file(table))
        if split == "test":
            layout = _fullest(training)[0] if training else "official"
            yield from ((layout, path) for path in _folders(base, "Final_Test", "Images"))


def _named(folder: Path, name: str) -> list[Path]:
    return Listing(folder).find(name) if is_folder(folder) else []


def _folders(base: Path, *names: str) -> Iterator[Path]:
    paths = [base]
    for name in names:
        paths = [path for parent in paths for path in _named(parent, name)]
    return filter(is_folder, paths)


def _fullest(places: list[_Place]) -> _Place:
    return places[0] if len(places) == 1 else next(filter(_has_images, places), places[0])


def _has_images(place: _Place, *, broken: bool = False) -> bool:
    """Whether there is an image; ``broken`` is the answer where a table cannot be read."""
    layout, path = place
    if layout != "kaggle":
        return any(is_image(file) for file in files_below(path))
    try:
        places = map(place_below, names_in(path, "Path"))
    except DataError:
        return broken
    images = _Images()
    return any(images.there(path.parent, place) for place in places if place)


class _Images:
    """Finds annotated images, whatever the case of the letters in their tables, and notes those that are missing."""

    def __init__(self) -> None:
        self.missing: list[Path] = []
        self._listings: dict[tuple[Path, tuple[str, ...]], Listing | None] = {}

    def find(self, folder: Path, place: tuple[str, ...]) -> Path:
        """The image with this place below a folder. Raises DataError where more than one could be meant."""
        found = self.there(folder, place)
        if found is None:
            self.missing.append(folder.joinpath(*place))
        return found or folder.joinpath(*place)

    def named(self, folder: Path, name: str) -> list[Path]:
        """What has this name in the folder, which is read once for it and for the images."""
        listing = self._listing(folder, ())
        return listing.find(name) if listing else []

    def there(self, folder: Path, place: tuple[str, ...]) -> Path | None:
        """As ``find``, and None for one that is missing."""
        listing = self._listing(folder, place[:-1])
        if not listing:
            return None
        fitting = listing.find(place[-1])
        if len(fitting) > 1:
            raise DataError(f"{'/'.join(place)} may be {fitting[0]} or {fitting[1].name}; rename one of them")
        return fitting[0] if fitting else None

    def _listing(self, folder: Path, place: tuple[str, ...]) -> Listing | None:
        key = folder, place
        try:
            return self._listings[key]
        except KeyError:
            found = self.there(folder, place) if place else folder
            listing = Listing(found) if found and is_folder(found) else None
            return self._listings.setdefault(key, listing)


def _training(folder: Path, images: _Images) -> Iterator[Sample]:
    for class_folder in _class_folders(folder):
        class_name = class_folder.name
        named = int(class_name) if _NUMBER.fullmatch(class_name) else None
        name = f"GT-{class_name}.csv"
        table = next(iter(images.named(class_folder, name)), class_folder / name)
        for row in read_rows(table, "Filename"):
            stem = row.stem
            track = stem.partition("_")[0]
            if not _NUMBER.fullmatch(track):
                raise DataError(
                    f"{table}: {'/'.join(row.place)} is not named TRACK_FRAME; is this GTSRB's training set?"
                )
            if named not in (None, row.class_id):
                raise _another_class(table, row, named)
            path = images.find(class_folder, row.place)
            yield Sample(path, row.class_id, row.roi, int(track), f"{class_name}_{stem}", row.size)


def _another_class(table: Path, row: Row, named: int | None) -> DataError:
    return DataError(
        f"{table}: the folder or name of {'/'.join(row.place)} tells class {named}, its row class {row.class_id}; "
        "correct the one that is wrong"
    )


def _class_folders(folder: Path) -> Iterator[Path]:
    """Folders named by a number; others only if they have images, so that a missing table is reported."""
    for found in entries(folder):
        images = (path for path in files_below(found.path) if is_image(path))
        if found.is_folder and (_NUMBER.fullmatch(found.path.name) or any(images)):
            yield found.path


def _official_test(folder: Path, images: _Images) -> Iterator[Sample]:
    base, name = folder.parent.parent, "GT-final_test.csv"
    places = [path for place in (folder, folder.parent, base) for path in images.named(place, name)]
    # What is beside the folder that was named may not be for everyone to look through.
    with contextlib.suppress(DataError):
        places += _named(base.parent, name)
    table = next(filter(is_file, places), None)
    if table is None:
        raise DataError(f"{folder / name} is missing (also not in {base}): it tells the class of every test image")
    for row in read_rows(table, "Filename"):
        yield Sample(images.find(folder, row.place), row.class_id, row.roi, None, row.stem, row.size)


def _kaggle_training(table: Path, images: _Images) -> Iterator[Sample]:
    for row in read_rows(table, "Path"):
        stem = row.stem
        parts = stem.split("_")
        if len(parts) != 3 or not all(map(_NUMBER.fullmatch, parts)):
            raise DataError(f"{table}: {'/'.join(row.place)} is not named CLASS_TRACK_FRAME; is this Kaggle's GTSRB?")
        if int(parts[0]) != row.class_id:
            raise _another_class(table, row, int(parts[0]))
        yield Sample(images.find(table.parent, row.place), row.class_id, row.roi, int(parts[1]), stem, row.size)


def _kaggle_test(table: Path, images: _Images) -> Iterator[Sample]:
    for row in read_rows(table, "Path"):
        yield Sample(images.find(table.parent, row.place), row.class_id, row.roi, None, row.stem, row.size)


_SAMPLES = {
    ("official", "train"): _training,
    ("official", "test"): _official_test,
    ("torchvision", "train"): _training,
    ("torchvision", "test"): _official_test,
    ("kaggle", "train"): _kaggle_training,
    ("kaggle", "test"): _kaggle_test,
}


def _refuse_twice(samples: list[Sample]) -> None:
    first: dict[str, Sample] = {}
    for sample in samples:
        other = first.setdefault(sample.key, sample)
        if other is not sample:
            raise DataError(f"{sample.path} and {other.path} have one name, {sample.key}; annotate one of them, once")
