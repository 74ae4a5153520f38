"""The small GTSRB of conftest.py brought into the other layouts that people have on disk."""

import csv
from pathlib import Path

from PIL import Image

from xaisigns.data.image_set import ImageSet

SPLITS = ("train", "test")


def official(root: Path) -> Path:
    """As the fixture makes it: GTSRB/Final_Training and GTSRB/Final_Test."""
    return root


def kaggle(root: Path) -> Path:
    """Beside ``root``: Train.csv with Train/C/000CC_TTTTT_FFFFF.png, and Test.csv with Test/NNNNN.png."""
    out = root.parent / "kaggle"
    training = [
        (_as_png(image, out / f"Train/{int(row['ClassId'])}/{image.parent.name}_{image.stem}.png"), row)
        for table in sorted(root.glob("GTSRB/Final_Training/Images/*/GT-*.csv"))
        for image, row in _annotated(table, table.parent)
    ]
    test = [
        (_as_png(image, out / f"Test/{image.stem}.png"), row)
        for image, row in _annotated(root / "GTSRB/GT-final_test.csv", root / "GTSRB/Final_Test/Images")
    ]
    for name, rows in (("Train", training), ("Test", test)):
        columns = ["Width", "Height", "Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2", "ClassId"]
        lines = [[*(row[column] for column in columns), path.relative_to(out).as_posix()] for path, row in rows]
        with (out / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([[*columns, "Path"], *lines])
    return out


def torchvision(root: Path) -> Path:
    """Renamed: gtsrb/GTSRB/Training, gtsrb/GTSRB/Final_Test and gtsrb/GT-final_test.csv, as torchvision unpacks."""
    base = root / "gtsrb" / "GTSRB"
    base.parent.mkdir()
    (root / "GTSRB").rename(base)
    (base / "Final_Training" / "Images").rename(base / "Training")
    (base / "Final_Training").rmdir()
    (base / "GT-final_test.csv").rename(base.parent / "GT-final_test.csv")
    return root


def manipulation_of(root: Path, split: str):
    """What a manifest in ``root`` says of a split, whatever images there are."""
    return ImageSet(root, split, [], [], "official").manipulation


LAYOUTS = {make.__name__: make for make in (official, kaggle, torchvision)}


def _annotated(table: Path, folder: Path) -> list[tuple[Path, dict[str, str]]]:
    with table.open(newline="") as file:
        return [(folder / row["Filename"], row) for row in csv.DictReader(file, delimiter=";")]


def _as_png(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as image:
        image.save(target)
    return target
