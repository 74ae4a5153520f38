"""Data sets that xaisigns writes: images, annotation, masks, and a manifest that says what they are."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xaisigns.base.documents import json_text
from xaisigns.base.files import is_file, whole_folder
from xaisigns.data.classes import names_in
from xaisigns.data.image_set import MANIFEST, ImageSet, Sample, Split
from xaisigns.data.listing import is_foreign
from xaisigns.data.preprocessing import read_image
from xaisigns.data.tables import place_below
from xaisigns.errors import DataError, OutputError

CopyLayout = Literal["official", "folders"]
SIGN = "sign"
PICTOGRAM = "pictogram"
STICKER = "."  # where the stickers' masks are: masks/ itself mirrors the layout
_LONGEST_NAME = 255  # bytes
_OFFICIAL_KEY: dict[Split, re.Pattern[str]] = {
    "train": re.compile("[^/_]+_[0-9]{1,9}(_[^/]*)?"),
    "test": re.compile("[^/]+"),
}
_COLUMNS = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"


class Entry(NamedTuple):
    """An image to write: its annotation (whose path is not used), and masks ``(H, W)`` by their folder in masks/."""

    sample: Sample
    image: Image.Image
    masks: Mapping[str, NDArray[np.bool_]]


def write_images(
    out: Path,
    layout: CopyLayout,
    splits: Mapping[Split, Iterable[Entry]],
    manifest: Mapping[str, Any],
    *,
    total: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Write a data set to the new folder ``out`` and give its manifest, with format, counts and stickered images.

    Images are PPM in GTSRB's official layout and PNG in folders of classes; each mask is a PNG (0 or 255) with the
    place of its image below its folder. ``progress`` gets images done and in all (``total``). Raises OutputError when
    ``out`` exists with something in it or cannot be written, or its file system takes two of the names for one;
    whatever goes wrong, nothing is left there.
    """
    made: set[str] = set()
    counts: dict[Split, int] = {}
    stickered: list[str] = []
    with whole_folder(out) as folder:
        for split, entries in splits.items():
            tables: dict[Path, list[str]] = {}
            for count, entry in enumerate(entries, start=1):
                place = _place(entry.sample, split, layout)
                _write_pixels(folder, place, entry, made)
                if STICKER in entry.masks:
                    stickered.append(place.as_posix())
                if layout == "official":
                    row = [place.name, *entry.image.size, *entry.sample.box(entry.image), entry.sample.class_id]
                    tables.setdefault(_table(place, split), [_COLUMNS]).append(";".join(map(str, row)))
                counts[split] = count
                progress(sum(counts.values()), total)
            for table, rows in tables.items():
                (folder / table).write_text("\n".join([*rows, ""]), encoding="utf-8")
        whole = {"format": 1, **manifest, "counts": counts, "stickered": stickered}
        (folder / MANIFEST).write_text(json_text(whole, indent=1), encoding="utf-8")
    return whole


def read_masks(data: ImageSet, sample: Sample, image: Image.Image) -> dict[str, NDArray[np.bool_]]:
    """The masks ``(H, W)`` of this image by kind, in a data set that xaisigns wrote; none for photographs.

    ``image`` is the sample's. Raises DataError for a broken manifest, and for a mask that cannot be read
    or has another size than its image.
    """
    if data.stickered is None:
        return {}
    place = _place(sample, data.split, "folders" if data.layout == "folders" else "official")
    paths = {kind: data.root / "masks" / kind / place.with_suffix(".png") for kind in (SIGN, PICTOGRAM, STICKER)}
    there = {kind for kind in (SIGN, PICTOGRAM) if is_file(paths[kind])}
    if place.as_posix() in data.stickered:
        there.add(STICKER)
    return {kind: _read_mask(paths[kind], image.size) for kind in sorted(there)}


def _read_mask(path: Path, size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = read_image(path).convert("L")  # mode "1" would dither what is neither black nor white
    if mask.size != size:
        wanted, got = (" x ".join(map(str, sides)) for sides in (size, mask.size))
        raise DataError(f"{path} has {got} pixels, wanted {wanted} like its image; write the data set anew")
    return np.asarray(mask) >= 128


def copy_layout(data: ImageSet) -> CopyLayout:
    """The layout of a copy: GTSRB's official one for its classes, a folder for each class for all others."""
    return "official" if data.has_gtsrb_classes else "folders"


def copied(sample: Sample, data: ImageSet) -> Sample:
    """The sample with its key in a copy: below the name of its class where the copy has a folder for each class."""
    name = names_in(data.class_names, "en")[sample.class_id]
    if data.has_gtsrb_classes or sample.key.startswith(f"{name}/"):
        return sample
    return replace(sample, key=f"{name}/{sample.key}")


def check_copyable(data: ImageSet) -> None:
    """Raise DataError where a copy would not be read as the same data set.

    That is where folders would number the classes in another order, or where an image in it would have a name that no
    file can have: its suffix comes to stand before another one.
    """
    layout = copy_layout(data)
    if layout == "folders" and data.layout != layout:
        _check_folders(data)
    for sample in data.samples:
        place = _place(copied(sample, data), data.split, layout)
        if (length := len(os.fsencode(place.name))) > _LONGEST_NAME:
            raise DataError(
                f"{sample.path}: its name in a copy would have {length} bytes, and systems take {_LONGEST_NAME}; "
                "rename it"
            )
        fits = _OFFICIAL_KEY[data.split].fullmatch(sample.key) if layout == "official" else _is_place(sample.key)
        if data.layout != layout and not fits:
            wanted = "CLASS_TRACK_FRAME, such as 00004_00012_00029" if layout == "official" else "a place in a folder"
            raise DataError(f"{sample.path}: a copy is named by keys, and {sample.key!r} is not {wanted}; change it")


def _check_folders(data: ImageSet) -> None:
    names = list(names_in(data.class_names, "en"))
    if names != sorted(set(names)):
        raise DataError(
            f"a copy of {data.root} has a folder for each class, and these are numbered in the order of their names; "
            f"number its classes so, each with a name of its own: {', '.join(sorted(names)[:20])}"
        )
    for name in names:
        if "/" in name or not _is_place(name):
            raise DataError(f"a copy of {data.root} has a folder for each class, and none can be {name!r}; rename it")


def _is_place(key: str) -> bool:
    parts = place_below(key)
    return "/".join(parts) == key and not any(map(is_foreign, parts))


def _place(sample: Sample, split: Split, layout: CopyLayout) -> Path:
    if layout == "folders":
        return Path(split) / f"{sample.key}.png"
    if split == "test":
        return Path("GTSRB/Final_Test/Images") / f"{sample.key}.ppm"
    folder, _, name = sample.key.partition("_")
    return Path("GTSRB/Final_Training/Images") / folder / f"{name}.ppm"


def _table(place: Path, split: Split) -> Path:
    return Path("GTSRB/GT-final_test.csv") if split == "test" else place.parent / f"GT-{place.parent.name}.csv"


def _write_pixels(folder: Path, place: Path, entry: Entry, made: set[str]) -> None:
    files = {place: entry.image}
    for kind, mask in entry.masks.items():
        files[Path("masks") / kind / place.with_suffix(".png")] = Image.fromarray(mask)
    for path, image in files.items():
        try:
            _make_folders(folder, path.parent, made)
            with (folder / path).open("xb") as file:
                image.save(file, "PPM" if path.suffix == ".ppm" else "PNG")
        except FileExistsError as error:
            raise OutputError(
                f"cannot write {path}: a file or folder that is written too has its name, as this file system reads "
                "it; rename one of them in the original, or choose another place"
            ) from error


def _make_folders(folder: Path, path: Path, made: set[str]) -> None:
    """Make each folder once. Raises FileExistsError for a folder that was made under another name."""
    for part in reversed([path, *path.parents[:-1]]):
        if part.as_posix() not in made:
            (folder / part).mkdir()
            made.add(part.as_posix())
