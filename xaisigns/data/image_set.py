"""What every data set gives, however it lies on disk: images with their classes, and the classes' names."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from xaisigns.base.bounds import shown, whole
from xaisigns.base.files import is_file
from xaisigns.base.language import Language, languages
from xaisigns.data.classes import CLASS_NAMES, names_in
from xaisigns.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

    from xaisigns.data.manipulation import Manipulation

Split = Literal["train", "test"]
Box = tuple[int, int, int, int]
ClassNames = Mapping[Language, Sequence[str]]  # in the order of the class ids

SPLITS: tuple[Split, ...] = ("train", "test")
MANIFEST = "manifest.json"
LAYOUTS_OF_COPIES = ("official", "folders")  # those in which xaisigns writes data sets


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a data set, and what is known of it.

    ``roi`` is the sign's box (x1, y1, x2, y2) in pixels, both corners inside, None where it is not known. ``track``
    numbers the physical sign within its class, None where it is not known. ``key`` names the image within its split,
    such as ``00004_00012_00029``, the same in every layout of GTSRB. ``size`` is the image's width and height, None
    where no table has them.
    """

    path: Path
    class_id: int
    roi: Box | None = None
    track: int | None = None
    key: str = ""
    size: tuple[int, int] | None = None

    def box(self, image: "Image.Image") -> Box:
        """``roi``, or the whole image where it is not known.

        Raises DataError for an image of another size than ``size``, or one that the box does not lie in.
        """
        whole_image = (0, 0, image.width - 1, image.height - 1)
        box = self.roi or whole_image
        contradiction = None
        if self.size not in (None, image.size):
            contradiction = "{} x {} for the box of its sign".format(*self.size)
        elif box[2] > whole_image[2] or box[3] > whole_image[3]:
            contradiction = f"the box {box}"
        if contradiction:
            raise DataError(
                f"{self.path} has {image.width} x {image.height} pixels, and its table tells {contradiction}; bring "
                "back the image as it was annotated, or correct its row"
            )
        return box


class Item(NamedTuple):
    """What a data set gives for an index: the decoded RGB image with its annotation."""

    image: "Image.Image"
    class_id: int
    roi: Box
    track: int | None
    path: Path


class ImageSet:
    """The images of one split below ``root``, for indexing, iteration and torch's DataLoader.

    ``class_names`` are in the order of the class ids: one sequence for every language, or one for each. ``layout`` is
    the name of the layout that found them. An image that cannot be decoded raises DataError when it is asked for.
    """

    def __init__(
        self,
        root: Path,
        split: Split,
        samples: Sequence[Sample],
        class_names: Sequence[str] | ClassNames,
        layout: str = "",
    ) -> None:
        self.root, self.split, self.samples, self.layout = Path(root), split, samples, layout
        if not isinstance(class_names, Mapping):
            class_names = dict.fromkeys(languages(), class_names)
        self.class_names: ClassNames = class_names

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Item:
        # Imported here: what only lists a data set needs neither Pillow nor numpy.
        from xaisigns.data.preprocessing import read_image

        sample = self.samples[index]
        image = read_image(sample.path)
        return Item(image, sample.class_id, sample.box(image), sample.track, sample.path)

    @property
    def has_boxes(self) -> bool:
        """Whether it is known where in its image each sign is."""
        return all(sample.roi for sample in self.samples)

    @property
    def has_gtsrb_classes(self) -> bool:
        """Whether class ids and names are those of GTSRB."""
        return list(names_in(self.class_names, "en")) == CLASS_NAMES["en"]

    @cached_property
    def manifest(self) -> dict[str, Any] | None:
        """What the manifest of a data set that xaisigns wrote says, None for any other data set.

        Raises DataError for a broken manifest.
        """
        return read_manifest(self.root) if self.layout in LAYOUTS_OF_COPIES else None

    @property
    def manipulation(self) -> "Manipulation | None":
        """What was done to the images of this split on disk, None unless they are a manipulated copy's.

        Raises DataError for a broken manifest.
        """
        if self.manifest is None or self.split not in self.manifest.get("splits", []):
            return None
        from xaisigns.data.manipulation import Manipulation  # which needs the names of this module

        return Manipulation.from_json(self.manifest["manipulation"])

    @cached_property
    def stickered(self) -> frozenset[str] | None:
        """The places of the images that have stickers, None unless xaisigns wrote the data set.

        Raises DataError for a broken manifest.
        """
        return None if self.manifest is None else frozenset(self.manifest["stickered"])

    def check_class(self, class_id: int | None) -> None:
        """Raise DataError for a class that the data set does not have; None stands for all classes."""
        names = names_in(self.class_names, "en")
        if class_id is not None and whole(class_id, 0, len(names) - 1) is None:
            raise DataError(
                f"class {shown(class_id)} does not exist; {self.root} has 0 to {len(names) - 1}, "
                "as 'xaisigns data info' tells"
            )


def read_manifest(root: Path) -> dict[str, Any] | None:
    """The manifest of a data set that xaisigns wrote, None where there is none. Raises DataError for a broken one."""
    path = root / MANIFEST
    if not is_file(path):
        return None
    # Only a folder with a manifest needs the schema, which takes a while to load.
    from xaisigns.data.manifests import read

    return read(path)


def fingerprint(samples: Iterable[Sample]) -> str:
    """SHA-256 over keys, classes and sign boxes: the same for the same images in every layout of GTSRB."""
    digest = hashlib.sha256()
    for line in sorted(f"{sample.key} {sample.class_id} {sample.roi}\n" for sample in samples):
        digest.update(line.encode())
    return digest.hexdigest()
