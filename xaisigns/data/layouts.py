"""The one way to the images of a folder, whichever of the known kinds of data set it holds."""

from pathlib import Path

from xaisigns.data.folders import Folders, has_folder_images, is_folders
from xaisigns.data.gtsrb import GTSRB, has_gtsrb_images, is_gtsrb
from xaisigns.data.image_set import SPLITS, ImageSet, Split
from xaisigns.errors import DataError


def open_images(root: Path | str, split: Split = "train") -> ImageSet:
    """The training or test images below ``root``: GTSRB in one of its layouts, else a folder for each class.

    Where both are there, it is GTSRB if it has images or the folders have none. Raises DataError, with the path, for
    data that is missing or broken.
    """
    if split not in SPLITS:
        raise DataError(f"images are of the split {' or '.join(SPLITS)}, got {split!r}")
    root = Path(root)
    return Folders(root, split) if _is_of_folders(root) else GTSRB(root, split)


def _is_of_folders(root: Path) -> bool:
    if not (is_folders(root) and is_gtsrb(root)):
        return is_folders(root)
    # What is wrong with a table of GTSRB's must be told, and no other data set taken for it.
    return not has_gtsrb_images(root) and has_folder_images(root)
