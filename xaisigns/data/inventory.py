"""What of GTSRB is there below a folder."""

from pathlib import Path
from typing import Any

from xaisigns.data.gtsrb import EXPECTED_COUNTS, GTSRB, Split
from xaisigns.data.manipulation import read_manifest
from xaisigns.data.official import read_official_manifest
from xaisigns.errors import DataError


def inventory(root: Path) -> dict[str, Any]:
    """Layout, counts and manipulation of both splits; a split that is missing or broken says why.

    ``rendered`` is what was drawn when the package drew the images, else None. Raises DataError when there is neither
    split.
    """
    splits: dict[str, Any] = {}
    rendered = (read_official_manifest(root) or {}).get("rendered")
    wanted: tuple[Split, ...] = ("train", "test")
    for split in wanted:
        try:
            data = GTSRB(root, split)
        except DataError as error:
            splits[split] = {"missing": str(error)}
            continue
        manipulation = read_manifest(root, split)
        splits[split] = {
            "layout": data.layout,
            "images": len(data),
            "expected": None if rendered else EXPECTED_COUNTS[data.layout, split],
            "classes": len({sample.class_id for sample in data.samples}),
            "tracks": len({(s.class_id, s.track) for s in data.samples if s.track is not None}),
            "manipulation": manipulation.to_json() if manipulation else None,
        }
    if all("missing" in what for what in splits.values()):
        raise DataError(splits["train"]["missing"])
    return {"root": str(root), "splits": splits, "rendered": rendered}
