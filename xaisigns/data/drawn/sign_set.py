"""A data set of drawn signs in GTSRB's official layout, and the one that commands use when none is named."""

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from xaisigns.base.bounds import LARGEST_PER_CLASS, check_seed, shown, whole
from xaisigns.base.cache import made_by
from xaisigns.base.cache_folder import cache_folder, cache_limit, make_room, mark_used
from xaisigns.base.files import taken_away, whole_folder
from xaisigns.base.progress import Progress, silent
from xaisigns.data.classes import CLASSES, check_class
from xaisigns.data.drawn.sign import DrawnSign, check_size, draw_sign
from xaisigns.data.export import PICTOGRAM, SIGN, Entry, write_images
from xaisigns.data.image_set import Sample, Split
from xaisigns.data.manipulation import Manipulation, manipulated
from xaisigns.data.stickers import keyed_random
from xaisigns.errors import DataError, OutputError

_SIGNS, _LIST = "signs", "files.json"
_FRAMES = 5  # of a track
_TEST_SHARE = 3  # as many training images come on one test image, about as in GTSRB


@dataclass(frozen=True)
class DrawnSet:
    """What is drawn: training images per class, a third as many test images, and their side in pixels.

    Raises DataError for images of a class outside 1..10,000, a seed outside 0..2**63 - 1, and a size outside 16..2048.
    """

    per_class: int = 60
    seed: int = 0
    size: int = 64

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # as a manifest is read

    def __post_init__(self) -> None:
        per_class = whole(self.per_class, 1, LARGEST_PER_CLASS)
        if per_class is None:
            wanted = f"wanted 1 or more drawn images of each class, at most {LARGEST_PER_CLASS:,}"
            raise DataError(f"{wanted}, got {shown(self.per_class)}")
        plain = {"per_class": per_class, "seed": check_seed(self.seed), "size": check_size(self.size)}
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def count(self, split: Split) -> int:
        """Images per class in a split."""
        return self.per_class if split == "train" else max(1, self.per_class // _TEST_SHARE)

    def signs(self, split: Split) -> Iterator[tuple[Sample, DrawnSign]]:
        """All images, class by class; every five training images are a track: one sign in one place and light."""
        count = self.count(split)
        for number in range(len(CLASSES) * count):
            class_id, index = divmod(number, count)
            if split == "train":
                track, frame = divmod(index, _FRAMES)
                key, place = f"{class_id:05d}_{track:05d}_{frame:05d}", f"train/{class_id}/{track}"
            else:
                track, frame = None, 0
                key, place = f"{number:05d}", f"test/{class_id}/{index}"
            sign = draw_sign(class_id, self.size, keyed_random(self.seed, place).getrandbits(63), frame=frame)
            yield Sample(Path(), class_id, sign.roi, track, key), sign


def write_drawn_set(
    out: Path, settings: DrawnSet, manipulation: Manipulation | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Draw all images to the new folder ``out`` in the official layout, with masks, and give the manifest.

    ``masks/sign`` and ``masks/pictogram`` mirror the layout with a PNG (0 or 255) for each image; a ``manipulation``
    puts stickers on training images, with their masks in ``masks`` itself. ``progress`` gets images done and in all.
    Raises DataError for a size below 16 or stickers on a class that is not there, OutputError when ``out`` exists with
    something in it or cannot be written; then nothing is left there.
    """

    def entries(split: Split) -> Iterator[Entry]:
        for sample, sign in settings.signs(split):
            chosen = manipulation if split == "train" and manipulation and manipulation.selects(sample) else None
            entry = manipulated(sample, sign.image, chosen)
            yield entry._replace(masks={SIGN: sign.sign_mask, PICTOGRAM: sign.pictogram_mask, **entry.masks})

    if manipulation and manipulation.class_id is not None:
        check_class(manipulation.class_id)
    return write_images(
        out,
        "official",
        {"train": entries("train"), "test": entries("test")},
        {
            "rendered": asdict(settings),
            "manipulation": manipulation.to_json() if manipulation else None,
            "splits": ["train"] if manipulation else [],
        },
        total=len(CLASSES) * (settings.count("train") + settings.count("test")),
        progress=partial(progress, "drawing signs"),
    )


def default_drawn_set(progress: Progress = silent) -> Path:
    """The folder of the drawn data set that stands in for GTSRB where none is named.

    Drawn when it is first asked for, and stored in the cache; drawn anew when a file is missing or has another
    size, a table or the manifest another content. Raises OutputError when the folder cannot be written.
    """
    root = cache_folder() / f"rendered-{_version()}"
    if not _is_whole(root):
        _put_away(root)
    if not _is_whole(root):
        cache_limit()  # one that cannot be read is told before the work
        try:
            with whole_folder(root) as folder:
                write_drawn_set(folder / _SIGNS, DrawnSet(), progress=progress)
                marks = dict(sorted(_marks(str(folder / _SIGNS))))
                (folder / _LIST).write_text(json.dumps(marks), encoding="utf-8")
        except OutputError:
            # Another process may have been faster.
            if not _is_whole(root):
                raise
        make_room(root)
    mark_used(root)
    return root / _SIGNS


def _is_whole(root: Path) -> bool:
    """Whether everything is there as it was drawn, as far as can be told without reading the images."""
    try:
        marks = json.loads((root / _LIST).read_bytes())
        # What a system leaves in folders is no damage.
        return bool(marks) and marks.items() <= dict(_marks(str(root / _SIGNS))).items()
    except (OSError, ValueError, AttributeError):
        return False


def _marks(folder: str, place: str = "") -> Iterator[tuple[str, int]]:
    """The size of each image below a folder, and the checksum of anything else; at every start, so without Path."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _marks(entry.path, f"{place}{entry.name}/")
            elif entry.name.endswith((".ppm", ".png")):
                yield place + entry.name, entry.stat().st_size
            else:
                yield place + entry.name, zlib.crc32(Path(entry.path).read_bytes())


def _put_away(root: Path) -> None:
    """Remove a damaged set, but not one that another process has just drawn in its place."""
    with taken_away(root) as broken:
        if broken and _is_whole(broken):
            with contextlib.suppress(OSError):
                broken.replace(root)


def _version() -> str:
    """A version that changes with everything the drawn images depend on."""
    digest = hashlib.sha256(repr([DrawnSet(), *made_by(("data",), ("numpy", "pillow", "resvg-py"))]).encode())
    for class_id in range(len(CLASSES)):
        digest.update((files("xaisigns.data.drawn") / "signs" / f"{class_id:02d}.svg").read_bytes())
    return digest.hexdigest()[:12]
