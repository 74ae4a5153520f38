"""Run the published baselines on the audit's models: `python -m benchmarks.audit_tables GTSRB OUT [--models P00,C00]`.

OUT is the folder of ``benchmarks.audit_models``. What is not there yet is computed, each method on each model, into
OUT/baselines/MODEL-METHOD.csv with a row for each class: score, flagged by the paper's threshold, the balanced accuracy
of naming the images of a planted class, and processor seconds of the whole. Then the tables are printed, of what is
there. One threshold of each method is set on the models whose number is divisible by 3: the highest score of any class
of the clean ones; the figures are of the other models. The audit's clusters were set on the same third. Beside the
published ones stands what these say before any transplant.
"""

import argparse
import csv
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from benchmarks.audit_baselines import BASELINES, Judged
from benchmarks.audit_models import Trained, load
from benchmarks.audit_recipes import SHARES
from xaisigns.audit.clusters import clusters
from xaisigns.audit.verdict import SEPARATED
from xaisigns.base.files import whole_file
from xaisigns.data.decoded import objects_of
from xaisigns.study.responses import respond

COLUMNS = ("class", "score", "flagged", "named", "seconds")
USED = 0.10  # from which success on a planted feature is one that the model uses


@dataclass(frozen=True)
class Row:
    """What a method made of a model: scores and the paper's verdicts ``(classes,)``, names of images by class."""

    told: dict[str, Any]
    score: NDArray[np.float64]
    flagged: NDArray[np.bool_] | None
    named: dict[int, float]
    seconds: float

    @property
    def planted(self) -> list[int]:
        """The planted classes, none in a clean model."""
        return [planted["class_id"] for planted in self.told["planted"]]

    @property
    def sets(self) -> bool:
        """Whether the model sets thresholds here."""
        return int(self.told["name"][1:]) % 3 == 0

    def rank(self, class_id: int) -> int:
        """How many classes are suspected more, and 1; ties count against the method."""
        return int((self.score >= self.score[class_id]).sum())


def audit_clusters(trained: Trained) -> Judged:
    """The audit's clusters, one of each class; the score is the separation."""
    responses = respond(trained.model, trained.pixels)
    found = clusters(responses, trained.labels, objects_of(trained.samples))
    score, suspects = np.zeros(trained.model.classes), np.zeros(len(trained.labels), dtype=np.bool_)
    for cluster in found:
        score[cluster.class_id] = cluster.separation
        suspects[cluster.images] = True
    return Judged(score, score >= SEPARATED, suspects)


METHODS = {"audit_clusters": audit_clusters, **BASELINES}


def compute(name: str, method: str, root: Path, out: Path) -> None:
    """Run a method on a model and write its file."""
    trained = load(name, root, out)
    start = time.process_time()
    judged = METHODS[method](trained)
    seconds = round(time.process_time() - start, 1)
    with whole_file(_path(name, method, out)) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for class_id, score in enumerate(judged.score):
            flagged = "" if judged.flagged is None else int(judged.flagged[class_id])
            writer.writerow([class_id, f"{score:.6g}", flagged, _named(judged, trained, class_id), seconds])


def _named(judged: Judged, trained: Trained, class_id: int) -> str:
    """The balanced accuracy of naming the carriers of a class that has some, and images without."""
    own = trained.labels == class_id
    carries = trained.carries[own]
    if judged.suspects is None or not carries.any() or carries.all():
        return ""
    suspects = judged.suspects[own]
    return f"{(suspects[carries].mean() + (~suspects[~carries]).mean()) / 2:.4f}"


def _path(name: str, method: str, out: Path) -> Path:
    return out / "baselines" / f"{name}-{method}.csv"


def read(method: str, out: Path) -> list[Row]:
    """What the method's files tell, in the order of the models' names."""
    rows = []
    for path in sorted((out / "baselines").glob(f"*-{method}.csv")):
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        rows.append(
            Row(
                json.loads((out / f"{path.name.split('-')[0]}.json").read_text()),
                np.array([float(line["score"]) for line in lines]),
                np.array([line["flagged"] == "1" for line in lines]) if lines[0]["flagged"] else None,
                {int(line["class"]): float(line["named"]) for line in lines if line["named"]},
                float(lines[0]["seconds"]),
            )
        )
    return rows


def verdicts(rows: list[Row]) -> list[str]:
    """A method's cells: planted class first, verdicts on planted and clean models by both thresholds, seconds."""
    setting, figures = ([row for row in rows if row.sets is sets] for sets in (True, False))
    used = [row for row in figures if len(row.planted) == 1 and row.told["planted"][0]["success"] >= USED]
    clean = [row for row in figures if not row.planted]
    threshold = max((row.score.max() for row in setting if not row.planted), default=np.inf)
    return [
        _share(row.rank(row.planted[0]) == 1 for row in used),
        _share(row.score[row.planted[0]] > threshold for row in used),
        _share(bool((row.score > threshold).any()) for row in clean),
        _share(bool(row.flagged[row.planted[0]]) for row in used if row.flagged is not None),
        _share(bool(row.flagged.any()) for row in clean if row.flagged is not None),
        f"{np.median([row.seconds for row in rows]):.0f}",
    ]


def naming(rows: list[Row]) -> list[str]:
    """A method's cells: the mean balanced accuracy at each share, over all planted classes of which images are named.

    Of the models that set thresholds, here and in the audit, there are none.
    """
    cells = []
    for share in SHARES:
        named = [
            row.named[planted["class_id"]]
            for row in rows
            if not (row.sets and row.told["sets_thresholds"])
            for planted in row.told["planted"]
            if planted["share"] == share and planted["class_id"] in row.named
        ]
        cells.append(f"{np.mean(named):.3f} ({len(named)})" if named else "-")
    return cells


def _share(hits: Iterable[bool]) -> str:
    """Hits of all, with the 95 % interval of Clopper and Pearson."""
    found = list(hits)
    if not found:
        return "-"
    right, count = sum(found), len(found)
    low = beta.ppf(0.025, right, count - right + 1) if right else 0.0
    high = beta.ppf(0.975, right + 1, count - right) if right < count else 1.0
    return f"{right} of {count} ({low:.2f} to {high:.2f})"


def tables(out: Path) -> str:
    """Both tables in Markdown."""
    found = {method: rows for method in METHODS if (rows := read(method, out))}
    lines = [
        "| method | planted class first | found, own threshold | false, own threshold | found, paper's threshold "
        "| false, paper's threshold | processor s |",
        "|---|---|---|---|---|---|---|",
        *(f"| {method} | {' | '.join(verdicts(rows))} |" for method, rows in found.items()),
        "",
        f"| method | {' | '.join(f'{share:.0%}' for share in SHARES)} |",
        "|---|---|---|---|---|",
        *(f"| {method} | {' | '.join(naming(rows))} |" for method, rows in found.items()),
    ]
    return "\n".join(lines)


def main() -> None:
    """Compute what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", type=lambda text: text.split(","), help="which, all that are there without it")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS))
    arguments = parser.parse_args()
    names = arguments.models or sorted(path.stem for path in arguments.out.glob("*.json"))
    for name in names:
        for method in arguments.methods:
            if not _path(name, method, arguments.out).is_file():
                compute(name, method, arguments.root, arguments.out)
    print(tables(arguments.out))


if __name__ == "__main__":
    main()
