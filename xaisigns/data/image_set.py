"""What every data set gives, however it lies on disk: images with their classes, and the classes' names."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image

from xaisigns.base.bounds import shown, whole
from xaisigns.base.language import Language
from xaisigns.data.preprocessing import read_image
from xaisigns.errors import DataError

Layout = Literal["official", "kaggle", "torchvision", "folders"]
Split = Literal["train", "test"]
Box = tuple[int, int, int, int]
ClassNames = Mapping[Language, Sequence[str]]  # in the order of the class ids

SPLITS: tuple[Split, ...] = ("train", "test")


@dataclass(frozen=True, slots=True)
class Sample:
    """One image as the data set tells it.

    ``roi`` is the sign's box (x1, y1, x2, y2) in pixels, both corners inside, None where none is known. ``track`` names
    the physical sign within its class, None where it is not known. ``key`` names the image within its split, alike in
    every layout of GTSRB, such as ``00004_00012_00029``. ``size`` is the image's width and height, None where no table
    tells them.
    """

    path: Path
    class_id: int
    roi: Box | None
    track: int | None
    key: str
    size: tuple[int, int] | None = None

    def box(self, image: Image.Image) -> Box:
        """``roi``, or the whole of its image. Raises DataError where that has not the size that ``roi`` is told for."""
        whole_image = (0, 0, image.width - 1, image.height - 1)
        box = self.roi or whole_image
        told = None
        if self.size not in (None, image.size):
            told = "{} x {} for the box of its sign".format(*self.size)
        elif box[2] > whole_image[2] or box[3] > whole_image[3]:
            told = f"the box {box}"
        if told:
            raise DataError(
                f"{self.path} has {image.width} x {image.height} pixels, and its table tells {told}; bring back the "
                "image as it was annotated, or correct its row"
            )
        return box


class Item(NamedTuple):
    """What a data set gives for an index: the decoded RGB image beside its annotation."""

    image: Image.Image
    class_id: int
    roi: Box
    track: int | None
    path: Path


class ImageSet:
    """The images of one split below ``root``; one that cannot be decoded raises DataError when it is asked for."""

    def __init__(
        self, root: Path, split: Split, layout: Layout, samples: list[Sample], class_names: ClassNames
    ) -> None:
        self.root, self.split, self.layout = root, split, layout
        self.samples, self.class_names = samples, class_names

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Item:
        sample = self.samples[index]
        image = read_image(sample.path)
        return Item(image, sample.class_id, sample.box(image), sample.track, sample.path)

    @property
    def has_boxes(self) -> bool:
        """Whether it is known where in its image each sign is."""
        return all(sample.roi for sample in self.samples)

    @cached_property
    def stickered(self) -> frozenset[str] | None:
        """The places of the images that have stickers, None unless xaisigns wrote the data set.

        Raises DataError for a broken manifest.
        """
        from xaisigns.data.export import written_manifest  # which tells what is written by the names of this module

        manifest = written_manifest(self.root)
        return None if manifest is None else frozenset(manifest["stickered"])

    def check_class(self, class_id: int | None) -> None:
        """Raise DataError for a class that the data set does not have; None stands for all classes."""
        names = self.class_names["en"]
        if class_id is not None and whole(class_id, 0, len(names) - 1) is None:
            raise DataError(
                f"class {shown(class_id)} does not exist; {self.root} has 0 to {len(names) - 1}, "
                "as 'xaisigns data info' tells"
            )


def fingerprint(samples: Iterable[Sample]) -> str:
    """SHA-256 over keys, classes and sign boxes: the same for the same images in every layout of GTSRB."""
    digest = hashlib.sha256()
    for line in sorted(f"{sample.key} {sample.class_id} {sample.roi}\n" for sample in samples):
        digest.update(line.encode())
    return digest.hexdigest()
