"""Audit the models of the bench: `python -m benchmarks.audit GTSRB OUT [--reference clean] [--models P00,C00]`.

OUT is the folder of ``benchmarks.audit_models``. What is not there yet is computed, model by model, into
OUT/audits/REFERENCE/MODEL.csv with a row for each class, what speaks most for a shortcut first; the reference is a
shipped model, one of the bench, or none. Then it prints, of what is there, the figures with their 95% intervals, of the
models that thresholds were set on and of the others, and a row for each planted class and each clean model. Seconds are
the processor's, with the predictions on the 13,000 training and the 12,630 test images.
"""

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import torch

import xaisigns as xs
from benchmarks.audit_figures import read, tables
from benchmarks.audit_models import load
from xaisigns.audit.auditing import examine
from xaisigns.audit.evidence import Finding, Rate
from xaisigns.base.files import whole_file
from xaisigns.data.decoded import Images, objects_of

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
    print(tables([read(options.out / f"{name}.json", _path(name, options.reference, options.out)) for name in done]))


if __name__ == "__main__":
    main()
