"""The one way to the images of a folder, whichever of the known kinds of data set it holds."""

from pathlib import Path

from xaisigns.data.folders import Folders, is_folders
from xaisigns.data.gtsrb import GTSRB, is_gtsrb
from xaisigns.data.image_set import ImageSet, Split


def open_images(root: Path | str, split: Split = "train") -> ImageSet:
    """The training or test images below ``root``: GTSRB in one of its layouts, else a folder for each class.

    Raises DataError, with the path, for data that is missing or broken.
    """
    root = Path(root)
    return Folders(root, split) if is_folders(root) and not is_gtsrb(root) else GTSRB(root, split)
