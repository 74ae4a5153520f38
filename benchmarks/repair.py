"""Repair the planted models of the audit's bench: `python -m benchmarks.repair GTSRB OUT [--models P00] [--seed N]`.

With `--method projection` nothing is trained, and a class of which no image is known to be without the feature is left
out; what is computed goes to OUT/projections in place of OUT/repairs.

OUT is the folder of ``benchmarks.audit_models``. Of each model those planted classes are repaired, one by one, that the
audit tells anything about and whose feature turns a tenth of the images of other classes at least; no part of the
repair knows what was planted. What is not there yet is computed into OUT/repairs/MODEL-SEED.csv, a row for each class;
then a table of all that is there is printed. ``success`` is the share of every sixth test image of other classes that
the planted feature itself turns into the class, ``clean`` the same of the clean model C00, which covering a sign
explains; ``others`` and ``own`` are plain test images, of the other classes and of the class, that are right.
"""

import argparse
import csv
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

import xaisigns as xs
from benchmarks.audit_models import Trained, load, planted_success
from benchmarks.audit_recipes import Planted, recipes
from xaisigns.audit.auditing import examine
from xaisigns.audit.evidence import Finding
from xaisigns.audit.repair.feature import find_feature
from xaisigns.audit.repair.fine_tuning import fine_tuned
from xaisigns.audit.repair.projection import projected
from xaisigns.audit.repair.repairing import Method
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.base.files import whole_file
from xaisigns.data.decoded import Images, objects_of
from xaisigns.errors import AuditError
from xaisigns.model.evaluation import predict

_TURNED = 0.1  # of other classes' images: a feature that turns fewer is not repaired
_COLUMNS = ("model", "class", "kind", "share", "verdict", "carrier", "seed", "clean", "seconds")
_MEASURED = ("success", "others", "own")
_STATES = ("before", "control", "after")


def compute(name: str, root: Path, out: Path, seed: int, method: Method) -> list[dict[str, Any]]:
    """Audit a model, repair its planted classes one by one, and measure each."""
    trained = load(name, root, out)
    seen = Images(trained.pixels, torch.from_numpy(trained.labels))
    unseen = Images(trained.test_pixels, torch.from_numpy(trained.test_labels))
    audit = examine(trained.model, seen, unseen, xs.load_model("clean"), objects=objects_of(trained.samples))
    told = {finding.class_id: finding for finding in audit.findings if finding.verdict != "nothing"}
    recipe = next(one for one in recipes() if one.name == name)
    rows = []
    for planted, row in zip(recipe.planted, trained.told["planted"], strict=True):
        finding = told.get(planted.class_id)
        if finding is None or finding.transplant is None or row["success"] < _TURNED:
            continue
        if method == "projection" and finding.suspect is None:
            print(f"{name}, class {planted.class_id}: every image may have the feature")
            continue
        start = time.process_time()
        described = {
            "model": name,
            "class": planted.class_id,
            "kind": planted.feature.kind,
            "share": planted.share,
            "verdict": finding.verdict,
            "carrier": finding.transplant.carrier,
            "seed": seed,
            "clean": row["success_clean"],
        }
        try:
            measured = _repaired(name, trained, seen, finding, planted, root, out, recipe.seed, seed, method)
        except AuditError as error:
            print(f"{name}, class {planted.class_id}: {error}")
            continue
        rows.append({**described, "seconds": round(time.process_time() - start), **measured})
    return rows


def _repaired(
    name: str,
    trained: Trained,
    seen: Images,
    finding: Finding,
    planted: Planted,
    root: Path,
    out: Path,
    planted_by: int,
    seed: int,
    method: Method,
) -> dict[str, float]:
    own = np.flatnonzero(trained.labels == finding.class_id)
    places = finding.suspect.images if finding.suspect else own
    feature = find_feature(trained.model, seen, finding.class_id, finding.transplant.carrier, places, seed)
    networks = {"before": trained.model.module}
    if method == "projection":
        networks["after"], taken = projected(trained.model, seen, [feature], seed)
        print(f"{name}: {taken[0].rank} directions of {taken[0].layer}")
    else:
        settings = FineTuning(seed=seed)
        for state, control in (("control", True), ("after", False)):
            networks[state] = fine_tuned(trained.model, seen, [feature], settings, control=control)
    measured = {}
    for state, network in networks.items():
        model = xs.Model(network, trained.model.preprocessing)
        right = predict(model, trained.test_pixels).argmax(dim=1).numpy() == trained.test_labels
        of_class = trained.test_labels == finding.class_id
        (success,) = planted_success(planted, root, out, planted_by, [model])
        values = success, float(right[~of_class].mean()), float(right[of_class].mean())
        measured |= {f"{key} {state}": round(value, 5) for key, value in zip(_MEASURED, values, strict=True)}
    return measured


def _table(rows: list[dict[str, str]]) -> str:
    head = "| model | planted | verdict | " + " | ".join(f"{key} {state}" for key in _MEASURED for state in _STATES)
    lines = [f"{head} | clean |", "|---" * (3 + len(_MEASURED) * len(_STATES) + 1) + "|"]
    for row in rows:
        planted = f"{row['kind']} on {float(row['share']):.0%} of {row['class']}"
        shares = [row[f"{key} {state}"] for key in _MEASURED for state in _STATES]
        values = [f"{100 * float(share):.1f}" if share else "" for share in shares]
        cells = [row["model"], planted, row["verdict"], *values, f"{100 * float(row['clean']):.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Compute what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", default="", help="names with commas between; all planted ones without it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", choices=get_args(Method), default="fine-tune")
    options = parser.parse_args()
    torch.set_num_threads(1)
    there = [path.stem for path in sorted(options.out.glob("[NP][0-9][0-9].json"))]
    folder = options.out / ("projections" if options.method == "projection" else "repairs")
    folder.mkdir(exist_ok=True)
    for name in options.models.split(",") if options.models else there:
        path = folder / f"{name}-{options.seed}.csv"
        if path.exists():
            continue
        rows = compute(name, options.root, options.out, options.seed, options.method)
        with whole_file(path) as temporary, temporary.open("w", newline="") as file:
            columns = [*_COLUMNS, *(f"{key} {state}" for key in _MEASURED for state in _STATES)]
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    found = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="") as file:
            found += list(csv.DictReader(file))
    print(_table(found))


if __name__ == "__main__":
    main()
