"""How much of a data set lies below a folder."""

from pathlib import Path
from typing import Any

from xaisigns.data.classes import names_in
from xaisigns.data.image_set import SPLITS
from xaisigns.data.layouts import LAYOUTS, open_images
from xaisigns.errors import DataError


def inventory(root: Path) -> dict[str, Any]:
    """Layout, counts and manipulation of both splits; a split that is missing or broken says why.

    ``class_names`` are in the order of the class ids. ``rendered`` is what was drawn when the package drew the images,
    else None. Raises DataError when there is neither split, and when one may not be read.
    """
    splits: dict[str, Any] = {}
    names: list[str] = []
    rendered = None
    for split in SPLITS:
        try:
            data = open_images(root, split)
        except DataError as error:
            # What may not be looked at is not missing.
            if isinstance(error.__cause__, PermissionError):
                raise
            splits[split] = {"missing": str(error)}
            continue
        names = list(names_in(data.class_names, "en"))
        rendered = (data.manifest or {}).get("rendered")
        manipulation = data.manipulation
        splits[split] = {
            "layout": data.layout,
            "images": len(data),
            "expected": None if rendered else LAYOUTS[data.layout].expected.get(split),
            "classes": len({sample.class_id for sample in data.samples}),
            "tracks": len({(s.class_id, s.track) for s in data.samples if s.track is not None}),
            "manipulation": manipulation.to_json() if manipulation else None,
        }
    if all("missing" in what for what in splits.values()):
        raise DataError(splits["train"]["missing"])
    return {"root": str(root), "splits": splits, "class_names": names, "rendered": rendered}
