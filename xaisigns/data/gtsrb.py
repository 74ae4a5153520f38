"""GTSRB on disk: finds which of its three layouts is there and gives its samples.

official     GTSRB/Final_Training/Images/000CC/*.ppm with GT-000CC.csv; GTSRB/Final_Test/Images/*.ppm with
             GT-final_test.csv
kaggle       Train.csv with Train/C/*.png; Test.csv with Test/*.png
torchvision  GTSRB/Training/000CC/*.ppm with GT-000CC.csv (another archive, 26,640 images); the official test set
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from xaisigns.data.classes import CLASS_NAMES, CLASSES
from xaisigns.data.image_set import SPLITS, Box, ImageSet, Layout, Sample, Split
from xaisigns.errors import DataError

EXPECTED_COUNTS: dict[tuple[Layout, Split], int] = {
    ("official", "train"): 39_209,
    ("official", "test"): 12_630,
    ("kaggle", "train"): 39_209,
    ("kaggle", "test"): 12_630,
    ("torchvision", "train"): 26_640,
    ("torchvision", "test"): 12_630,
}


class GTSRB(ImageSet):
    """The training or test images below ``root``, in the order of their annotation files.

    Raises DataError, with the path, when no layout is found, when an annotation is missing or broken, or when an
    annotated image is not there. An image that cannot be decoded raises DataError when it is asked for.
    Source: [stallkamp2012man].
    """

    def __init__(self, root: Path | str, split: Split = "train") -> None:
        root = Path(root)
        layout, base = find_layout(root, split)
        samples = list(_SAMPLES[layout, split](base))
        _refuse_missing(samples, root)
        super().__init__(root, split, layout, samples, CLASS_NAMES)


def find_layout(root: Path, split: Split) -> tuple[Layout, Path]:
    """The layout of ``split`` below ``root`` and the folder it starts in.

    Raises DataError when there is none, telling what was looked for.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; name the folder that holds GTSRB")
    found = _found(root, split)
    if found:
        return found
    wanted = {
        "train": "GTSRB/Final_Training/Images, GTSRB/Training or Train.csv",
        "test": "GTSRB/Final_Test/Images or Test.csv",
    }[split]
    raise DataError(
        f"no GTSRB {split} images below {root}: looked for {wanted}; fetch them with 'xaisigns data download {root}', "
        f"or name a folder of your own with {split}/CLASS in it"
    )


def is_gtsrb(root: Path) -> bool:
    """Whether either split is there in one of the layouts."""
    return any(_found(root, split) for split in SPLITS)


def _found(root: Path, split: Split) -> tuple[Layout, Path] | None:
    for base in (root, root / "GTSRB", root / "gtsrb" / "GTSRB", root / "gtsrb"):
        if split == "train" and (base / "Final_Training" / "Images").is_dir():
            return "official", base
        if split == "train" and (base / "Training").is_dir():
            return "torchvision", base
        if (base / f"{split.title()}.csv").is_file():
            return "kaggle", base
        if split == "test" and (base / "Final_Test" / "Images").is_dir():
            return ("torchvision" if (base / "Training").is_dir() else "official"), base
    return None


def _folders_of_classes(folder: Path) -> Iterator[Sample]:
    for class_folder in sorted(path for path in folder.iterdir() if path.is_dir()):
        table = class_folder / f"GT-{class_folder.name}.csv"
        for row in _rows(table, ";", "Filename"):
            stem = Path(row.name).stem
            track = stem.split("_")[0]
            if not track.isdigit():
                raise DataError(f"{table}: {row.name} is not named TRACK_FRAME; is this GTSRB's training set?")
            yield Sample(class_folder / row.name, row.class_id, row.roi, int(track), f"{class_folder.name}_{stem}")


def _official_training(base: Path) -> Iterator[Sample]:
    return _folders_of_classes(base / "Final_Training" / "Images")


def _torchvision_training(base: Path) -> Iterator[Sample]:
    return _folders_of_classes(base / "Training")


def _official_test(base: Path) -> Iterator[Sample]:
    folder = base / "Final_Test" / "Images"
    places = [place / "GT-final_test.csv" for place in (folder, base / "Final_Test", base, base.parent)]
    table = next((place for place in places if place.is_file()), None)
    if table is None:
        raise DataError(f"{places[0]} is missing (also not in {base}): it tells the class of every test image")
    for row in _rows(table, ";", "Filename"):
        yield Sample(folder / row.name, row.class_id, row.roi, None, Path(row.name).stem)


def _kaggle_training(base: Path) -> Iterator[Sample]:
    table = base / "Train.csv"
    for row in _rows(table, ",", "Path"):
        stem = Path(row.name).stem
        parts = stem.split("_")
        if len(parts) != 3 or not parts[1].isdigit():
            raise DataError(f"{table}: {row.name} is not named CLASS_TRACK_FRAME; is this Kaggle's GTSRB?")
        yield Sample(base / row.name, row.class_id, row.roi, int(parts[1]), stem)


def _kaggle_test(base: Path) -> Iterator[Sample]:
    for row in _rows(base / "Test.csv", ",", "Path"):
        yield Sample(base / row.name, row.class_id, row.roi, None, Path(row.name).stem)


_SAMPLES = {
    ("official", "train"): _official_training,
    ("official", "test"): _official_test,
    ("torchvision", "train"): _torchvision_training,
    ("torchvision", "test"): _official_test,
    ("kaggle", "train"): _kaggle_training,
    ("kaggle", "test"): _kaggle_test,
}


class _Row(NamedTuple):
    name: str
    class_id: int
    roi: Box


def _rows(table: Path, delimiter: str, name_column: str) -> Iterator[_Row]:
    if not table.is_file():
        raise DataError(f"{table} is missing: it tells class and position of every sign in its folder")
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter=delimiter))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{table} cannot be read as a table: {error}; fetch it again") from error
    for row in rows:
        try:
            sound = _row(row, name_column)
        except (KeyError, TypeError, ValueError) as error:
            columns = f"{name_column} below its folder, Roi.X1 <= Roi.X2, Roi.Y1 <= Roi.Y2, all from 0"
            raise DataError(
                f"{table}: cannot use the row {row}; wanted {columns}, and ClassId 0 to {len(CLASSES) - 1}"
            ) from error
        yield sound


def _row(row: dict[str, str], name_column: str) -> _Row:
    """Raises KeyError, TypeError or ValueError for a row that is none."""
    name, class_id = row[name_column], int(row["ClassId"])
    x1, y1, x2, y2 = (int(row[f"Roi.{corner}"]) for corner in ("X1", "Y1", "X2", "Y2"))
    path = Path(name)
    # A name must stay below the folder of its table.
    if not path.name or ".." in path.parts or path.is_absolute():
        raise ValueError(name)
    if class_id not in range(len(CLASSES)) or not (0 <= x1 <= x2 and 0 <= y1 <= y2):
        raise ValueError(row)
    return _Row(name, class_id, (x1, y1, x2, y2))


def _refuse_missing(samples: list[Sample], root: Path) -> None:
    if not samples:
        raise DataError(f"{root} has the folders of GTSRB but no annotated image; fetch the archives again")
    there = {
        folder: {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
        for folder in {sample.path.parent for sample in samples}
    }
    missing = [sample.path for sample in samples if sample.path.name not in there[sample.path.parent]]
    if missing:
        raise DataError(
            f"{missing[0]} is missing ({len(missing)} of {len(samples)} annotated images are); fetch them again"
        )
