"""The one way to the images of a folder, whichever of the known kinds of data set it holds."""

from pathlib import Path

from xaisigns.base.progress import Progress, silent
from xaisigns.data.folders import Folders, has_folder_images, is_folders
from xaisigns.data.gtsrb import GTSRB, has_gtsrb_images, is_gtsrb
from xaisigns.data.image_set import SPLITS, ImageSet, Split
from xaisigns.errors import DataError


def open_images(root: Path | str | None = None, split: Split = "train", *, progress: Progress = silent) -> ImageSet:
    """The training or test images below ``root``: GTSRB in one of its layouts, else a folder for each class.

    Where both are there, it is GTSRB if it has images or the folders have none. Without a root they are signs that the
    package draws: when they are first asked for, of which ``progress`` hears. Raises DataError, with the path, for data
    that is missing or broken, and OutputError when the drawn signs cannot be written to the cache.
    """
    if split not in SPLITS:
        raise DataError(f"images are of the split {' or '.join(SPLITS)}, got {split!r}")
    if root is None:
        from xaisigns.data.drawn.sign_set import default_rendered_set  # which manipulates what this module opens

        root = default_rendered_set(progress)
    root = Path(root)
    return Folders(root, split) if _is_of_folders(root) else GTSRB(root, split)


def _is_of_folders(root: Path) -> bool:
    if not (is_folders(root) and is_gtsrb(root)):
        return is_folders(root)
    # What is wrong with a table of GTSRB's must be told, and no other data set taken for it.
    return not has_gtsrb_images(root) and has_folder_images(root)
