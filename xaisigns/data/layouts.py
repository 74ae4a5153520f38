"""The one way to the images below a folder, in whichever layout they lie there: one of the package's, or one's own."""

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from xaisigns.base.bounds import shown, whole
from xaisigns.base.language import Language
from xaisigns.base.plugins import Registry
from xaisigns.base.progress import Progress, silent
from xaisigns.base.texts import Text, Texts, own_text
from xaisigns.data.folders import Folders, has_folder_images, is_folders
from xaisigns.data.gtsrb import GTSRB, has_gtsrb_images, has_layout, is_gtsrb, nothing_found
from xaisigns.data.image_set import SPLITS, ImageSet, Sample, Split
from xaisigns.errors import DataError, LanguageError, XaisignsError

OpenSplit = Callable[[Path, Split], ImageSet | None]


@dataclass(frozen=True)
class Layout:
    """How the files of a data set are laid out: what opens a split, what people read of it, its images if complete."""

    name: str
    open_split: OpenSplit
    description: Text
    expected: Mapping[Split, int]


_TEXTS = Texts("layouts")
LAYOUTS: Registry[Layout] = Registry("layout", DataError)


def register_layout(
    name: str,
    open_split: OpenSplit,
    description: str | Mapping[Language, str] | Text = "",
    *,
    expected: Mapping[Split, int] | None = None,
) -> None:
    """Make a layout of your own known: ``register_layout("mine", open_mine)``, then every command takes such a folder.

    ``open_split(root, split)`` gives the ImageSet of the split ("train" or "test") that lies below ``root`` in this
    layout, and None where something else lies there; it raises DataError where the split is missing or broken. Where
    several layouts know a root, the one that was registered last opens it. The description says what lies below such a
    root: a text for every language, or one for each; a language without one gets the first. ``expected`` counts the
    images of each split that is complete.
    Raises DataError for a name that is taken or cannot be one, and for what is no function, text or count.
    """
    if not callable(open_split):
        raise DataError(f"a layout is opened by a function (root, split), got {shown(open_split)}")
    _check_signature(open_split)
    try:
        told = description if callable(description) else own_text(description) if description else None
    except LanguageError as error:
        raise DataError(f"the description of layout {shown(name)}: {error}") from error
    counts = dict(expected or {})
    for split, count in counts.items():
        if split not in SPLITS or whole(count, 1, 10**9) is None:
            raise DataError(f"a layout expects a number of images of train or test, got {shown({split: count})}")
    LAYOUTS.register(name, Layout(name, open_split, told or partial(_TEXTS, "own", name=name), counts))


def _check_signature(open_split: OpenSplit) -> None:
    try:
        inspect.signature(open_split).bind(None, None)
    except TypeError as error:
        raise DataError(
            f"a layout is opened by a function (root, split), {shown(open_split)} cannot be called so: {error}"
        ) from error
    except ValueError:  # some functions written in C do not tell their signature
        return


def open_images(root: Path | str | None = None, split: Split = "train", *, progress: Progress = silent) -> ImageSet:
    """The training or test images below ``root``, in the layout that is found there.

    Layouts of one's own come first, then GTSRB's, then a folder for each class. Where the last two are both there, it
    is GTSRB if it has images or the folders have none. Without a root they are signs that the package draws: when they
    are first asked for, of which ``progress`` hears. Raises DataError, with the path, for missing or broken data, and
    OutputError when the drawn signs cannot be written to the cache.
    """
    if split not in SPLITS:
        raise DataError(f"images are of the split {' or '.join(SPLITS)}, got {split!r}")
    if root is None:
        from xaisigns.data.drawn.sign_set import default_drawn_set  # which manipulates what this module opens

        root = default_drawn_set(progress)
    root = Path(root)
    for layout in reversed(list(LAYOUTS.values())):
        try:
            found = layout.open_split(root, split)
        except XaisignsError:
            raise
        except Exception as error:
            raise DataError(
                f"the layout {layout.name!r} cannot open {root}: {type(error).__name__}: {error}; mend its function"
            ) from error
        if found is not None:
            return _checked(found, layout.name, split)
    raise nothing_found(root, split)


def refuse_broken(data: ImageSet) -> None:
    """Raise DataError for a data set that was made by hand and that no command could work with."""
    if fault := _fault(data, data.split):
        raise DataError(f"the data set of {data.root} has {fault}")


def _checked(data: Any, layout: str, split: Split) -> ImageSet:
    """The data set under the layout's name. Raises DataError for what no command could work with."""
    fault = _fault(data, split)
    if fault:
        raise DataError(f"the layout {layout!r} gives {fault}; mend its function")
    data.layout = layout
    return data  # type: ignore[no-any-return]


def _fault(data: Any, split: Split) -> str | None:
    if not isinstance(data, ImageSet):
        return f"{shown(data)}, wanted an ImageSet, or None where another layout lies"
    if data.split != split:
        return f"the split {data.split!r}, wanted {split!r}"
    counts = {len(names) for names in data.class_names.values()}
    if len(counts) != 1 or not all(counts):
        return "no names of classes, or not as many in each language"
    if not data.samples:
        return f"no {split} images of {data.root}"
    return _fault_of_samples(data.samples, counts.pop())


def _fault_of_samples(samples: Sequence[Sample], classes: int) -> str | None:
    for stranger in (sample for sample in samples if not isinstance(sample, Sample)):
        return f"{shown(stranger)} for an image, wanted a Sample"
    keys = Counter(sample.key for sample in samples)
    for sample in samples:
        if type(sample.class_id) is not int or not 0 <= sample.class_id < classes:
            return f"class {shown(sample.class_id)} for {sample.path}, wanted a whole number from 0 to {classes - 1}"
        if not sample.key or keys[sample.key] > 1:
            return f"the key {sample.key!r} for {sample.path}, wanted one of its own for each image"
    return None


def _is_of_folders(root: Path) -> bool:
    if not (is_folders(root) and is_gtsrb(root)):
        return is_folders(root)
    # What is wrong with a table of GTSRB's must be told, and no other data set taken for it.
    return not has_gtsrb_images(root) and has_folder_images(root)


def _open_gtsrb(layout: str, root: Path, split: Split) -> ImageSet | None:
    return GTSRB(root, split) if not _is_of_folders(root) and has_layout(root, split, layout) else None


def _open_folders(root: Path, split: Split) -> ImageSet | None:
    return Folders(root, split) if _is_of_folders(root) else None


register_layout("folders", _open_folders, _TEXTS.text("folders"))
for _layout, _training in (("torchvision", 26_640), ("kaggle", 39_209), ("official", 39_209)):
    _counts: dict[Split, int] = {"train": _training, "test": 12_630}
    register_layout(_layout, partial(_open_gtsrb, _layout), _TEXTS.text(_layout), expected=_counts)
