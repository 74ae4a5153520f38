"""Audit the models of the bench: `python -m benchmarks.audit GTSRB OUT [--reference clean] [--models P00,C00]`.

OUT is the folder of ``benchmarks.audit_models``. What is not there yet is computed, model by model, into
OUT/audits/REFERENCE/MODEL.csv with a row for each class, what speaks most for a shortcut first; the reference is a
shipped model, one of the bench, or none. Then it prints, of what is there, a row for each model and the figures: those
of the third of the models that thresholds were set on, and those of the others. Seconds are the processor's, with the
predictions on the 13,000 training and the 12,630 test images.
"""

import argparse
import csv
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

import xaisigns as xs
from benchmarks.audit_models import load
from xaisigns.audit.auditing import examine
from xaisigns.audit.evidence import Finding, Rate
from xaisigns.audit.statistics import interval
from xaisigns.base.files import whole_file
from xaisigns.data.decoded import Images, objects_of

USED = 0.10  # from which share of flipped images on the model is said to use a planted feature
COLUMNS = (
    "class",
    "verdict",
    "confidence",
    "carrier",
    "difference",
    "p",
    "flips",
    "reference",
    "others",
    "elsewhere",
    "suspects",
    "separation",
    "removed",
    "kept",
    "unseen",
    "seconds",
)
Row = dict[str, str]


def compute(name: str, reference: str, root: Path, out: Path) -> None:
    """Audit a model and write its file."""
    trained = load(name, root, out)
    other = None if reference == "none" else _reference(reference, root, out)
    seen = Images(trained.pixels, torch.from_numpy(trained.labels))
    unseen = Images(trained.test_pixels, torch.from_numpy(trained.test_labels))
    start = time.process_time()
    audit = examine(trained.model, seen, unseen, other, objects=objects_of(trained.samples))
    seconds = f"{time.process_time() - start:.1f}"
    path = _path(name, reference, out)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([*_told(finding), seconds] for finding in audit.findings)


def _told(finding: Finding) -> list[Any]:
    found, removal = finding.transplant, finding.removal
    transplanted = ["", "", "", "", "", "", ""]
    if found:
        rates = [_shown(rate) for rate in (found.flips, found.reference, found.others, found.elsewhere)]
        transplanted = [found.carrier, f"{found.difference:.4f}", f"{found.p:.3g}", *rates]
    return [
        finding.class_id,
        finding.verdict,
        f"{finding.confidence:.3f}",
        *transplanted,
        len(finding.suspect.images) if finding.suspect else 0,
        f"{finding.suspect.separation:.2f}" if finding.suspect else "",
        _shown(removal and removal.suspect),
        _shown(removal and removal.control),
        _shown(finding.unseen and finding.unseen.right),
    ]


def _shown(rate: Rate | None) -> str:
    return f"{rate.hits}/{rate.count}" if rate else ""


def _reference(name: str, root: Path, out: Path) -> Any:
    return xs.load_model(name) if name in ("clean", "stickered") else load(name, root, out).model


def _path(name: str, reference: str, out: Path) -> Path:
    return out / "audits" / reference / f"{name}.csv"


def tell(names: Iterable[str], reference: str, out: Path) -> None:
    """Print a row for each model, and the figures of both parts."""
    parts: dict[str, list[tuple[dict[str, Any], list[Row]]]] = {"thresholds": [], "figures": []}
    print("model  | planted: class feature share success | first | shortcuts | differences | false | seconds")
    for name in names:
        told = json.loads((out / f"{name}.json").read_text())
        with _path(name, reference, out).open(newline="") as file:
            rows = list(csv.DictReader(file))
        parts["thresholds" if told["sets_thresholds"] else "figures"].append((told, rows))
        planted = {one["class_id"] for one in told["planted"]}
        features = "; ".join(
            f"{one['class_id']} {one['feature']['kind']} {one['share']:g} {one['success']:.3f}"
            for one in told["planted"]
        )
        shortcuts = [int(row["class"]) for row in rows if row["verdict"] == "shortcut"]
        differences = " ".join(f"{row['class']}:{row['difference']}" for row in rows[:3])
        false = len(set(shortcuts) - planted)
        print(
            f"{name} | {features} | {rows[0]['class']} {rows[0]['verdict']} | {shortcuts} | {differences} | {false} | "
            f"{rows[0]['seconds']}"
        )
    for part, models in parts.items():
        _tell_figures(part, models)


def _tell_figures(part: str, models: list[tuple[dict[str, Any], list[Row]]]) -> None:
    planted = [(told, rows) for told, rows in models if told["planted"]]
    used = [({one["class_id"] for one in told["planted"] if one["success"] >= USED}, rows) for told, rows in planted]
    used = [(classes, rows) for classes, rows in used if classes]
    first = Rate(sum(int(rows[0]["class"]) in classes for classes, rows in used), len(used))
    verdicts = {
        (told["name"], one["class_id"]): next(row["verdict"] for row in rows if int(row["class"]) == one["class_id"])
        for told, rows in planted
        for one in told["planted"]
        if one["success"] >= USED
    }
    proven = Rate(sum(verdict == "shortcut" for verdict in verdicts.values()), len(verdicts))
    clean = [rows for told, rows in models if not told["planted"]]
    false = Rate(sum(any(row["verdict"] == "shortcut" for row in rows) for rows in clean), len(clean))
    for name, rate in (("right class first", first), ("used and proven", proven), ("clean with a shortcut", false)):
        low, high = interval(rate)
        print(f"{part}: {name} {rate.hits} of {rate.count} (95% {low:.3f} to {high:.3f})")


def main() -> None:
    """Compute what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--reference", default="clean", help="clean, stickered, a model of the bench, or none")
    parser.add_argument("--models", default="", help="names with commas between; all that are there without it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    there = [path.stem for path in sorted(options.out.glob("[NPC][0-9][0-9].json"))]
    wanted = options.models.split(",") if options.models else there
    for name in wanted:
        if not _path(name, options.reference, options.out).exists() and name != options.reference:
            compute(name, options.reference, options.root, options.out)
    done = [name for name in there if _path(name, options.reference, options.out).exists()]
    tell(done, options.reference, options.out)


if __name__ == "__main__":
    main()
