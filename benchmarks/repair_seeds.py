"""What a repair gives by other seeds: `python -m benchmarks.repair_seeds GTSRB MODEL FINDINGS OUT`, in the root.

FINDINGS is the findings.json of an audit of MODEL. For each of ``--seeds`` the model is repaired as `xaisigns repair`
does, without its control and without refusing what does not hold, which may be: of ``--classes`` that the audit tells
of, a finding may be false. What is not there yet goes to OUT/SEED.safetensors and OUT/SEED.json; then a table of all
that is there is printed, in shares of all test images: with a sticker, those of other speed limits and of all other
classes that are called the stickered class, and those of the limits that are right; without one, those of the repaired
class and of all others that are right.
"""

import argparse
import copy
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import xaisigns as xs
from xaisigns.audit.findings_file import findings_for
from xaisigns.audit.material import find_material
from xaisigns.audit.repair.feature import feature_of
from xaisigns.audit.repair.fine_tuning import fine_tuned
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.base.files import whole_file
from xaisigns.model.checkpoint import save_model
from xaisigns.model.classifier import Classifier
from xaisigns.study.study import Study

_LIMITS, _STICKERED = (0, 1, 2, 3, 5, 7, 8), 4
_COLUMNS = ("limits turned", "others turned", "limits right", "own", "others")


def repaired(model: Classifier, root: Path, findings: Path, classes: list[int], seed: int, steps: int) -> Classifier:
    """The model, trained on as a repair with that seed trains it."""
    told = {found.id: found for found in findings_for(model, findings).findings}
    wanted = classes or [found.id for found in told.values() if found.verdict == "shortcut"]
    seen, _ = find_material(model, root, "train")
    features = [feature_of(told[class_id], model, seen, seed).parted()[0] for class_id in wanted]
    network = fine_tuned(model, seen.images, features, FineTuning(steps=steps, seed=seed))
    trained = copy.deepcopy(model)
    trained.load_state_dict(network.state_dict())
    return trained


def measured(model: Classifier, root: Path, classes: list[int]) -> dict[str, float]:
    """Shares of all test images, by column."""
    study = Study(model, xs.open_images(root, "test"))
    labels, plain = study.labels.numpy(), study.logits.argmax(dim=1).numpy()
    own, found = np.isin(labels, classes or [_STICKERED]), {}
    if study.stickered_logits is not None:
        said, limits = study.stickered_logits.argmax(dim=1).numpy(), np.isin(labels, _LIMITS)
        found["limits turned"] = float((said[limits] == _STICKERED).mean())
        found["others turned"] = float((said[~limits & (labels != _STICKERED)] == _STICKERED).mean())
        found["limits right"] = float((said == labels)[limits].mean())
    return found | {"own": float((plain == labels)[own].mean()), "others": float((plain == labels)[~own].mean())}


def main() -> None:
    """Compute what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("model")
    parser.add_argument("findings", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--classes", default="", help="with commas between; all shortcuts without it")
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(exist_ok=True)
    classes = [int(one) for one in options.classes.split(",") if one]
    model = xs.load_model(options.model)
    rows: dict[str, dict[str, Any]] = {"before": measured(model, options.root, classes)}
    for seed in options.seeds.split(","):
        path, start = options.out / f"{seed}.json", time.process_time()
        if not path.exists():
            made = repaired(model, options.root, options.findings, classes, int(seed), options.steps)
            seconds = round(time.process_time() - start)
            save_model(made, options.out / f"{seed}.safetensors", force=True)
            told = {**measured(made, options.root, classes), "seconds": seconds}
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps(told) + "\n")
        rows[seed] = json.loads(path.read_text())
        print(seed, rows[seed], flush=True)
    print(f"| seed | {' | '.join(_COLUMNS)} |\n{'|---' * (1 + len(_COLUMNS))}|")
    for seed, row in rows.items():
        print(f"| {seed} | {' | '.join(f'{row[key]:.2%}' if key in row else '' for key in _COLUMNS)} |")


if __name__ == "__main__":
    main()
