"""From a model and a finding about it to a model that no longer decides by what was found."""

import copy
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from xaisigns.audit.findings import ToldFinding
from xaisigns.audit.findings_file import findings_for
from xaisigns.audit.material import Material, find_material
from xaisigns.audit.repair.feature import Feature, feature_of
from xaisigns.audit.repair.fine_tuning import FineTuning, fine_tuned
from xaisigns.audit.repair.measuring import Measured, measured
from xaisigns.base.files import Place, check_places
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.decoded import Images
from xaisigns.errors import AuditError
from xaisigns.model.checkpoint import MODEL_MARK, save_model
from xaisigns.model.classifier import Classifier
from xaisigns.model.loading import Named, loaded
from xaisigns.study.model_cache import ModelCache
from xaisigns.study.study import Data

_COST = 0.005  # of the accuracy on other classes, or of the class's own recall: more is no repair
_LEFT = 0.5  # of the flips: more is no repair


@own_torch_state()
def repair(
    model: Named,
    data: Data = None,
    *,
    finding: Path | str,
    out: Path | str,
    classes: Sequence[int] | None = None,
    steps: int = 600,
    seed: int = 0,
    device: str | torch.device | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Unlearn what an audit found, and write the repaired model to ``out``: the document of ``xaisigns repair --json``.

    ``finding`` is the findings.json of an audit of this model on this ``data``, which is a folder, or None for drawn
    signs. The features of its shortcuts, or of the ``classes``, are laid on training images of all other classes, whose
    labels stay, and are hidden in images of their own class; the network is trained on for ``steps`` of 96 images. No
    mask is needed, and no clean copy of the data.

    It is measured on images that the training did not see (on those of the training where there are no others), with
    patches that the repair did not use, for the model before, after, and for a control that was trained on without
    patches. The file's card tells of it under "repairs".

    Raises AuditError for findings of another model, where there is nothing to unlearn and, with nothing written, where
    the repair did not hold: where more than half of the flips are left, or the accuracy on other classes or the class's
    recall is, with 95% certainty, down by more than half a point. Raises DataError, ModelError, RuleError and
    OutputError as ``audit`` does.
    """
    settings = FineTuning(steps=steps, seed=seed)
    path = Path(out)
    check_places([Place(path, MODEL_MARK)], force=force)
    network = loaded(model, device)
    if not isinstance(network, Classifier):
        raise AuditError("a model file is written: wanted a Classifier of xaisigns, as xs.load_model gives it")
    findings = findings_for(network, finding)
    wanted = _wanted(findings.findings, classes)
    seen, unseen = find_material(network, data, "train", progress)
    features = [feature_of(found, network, seen, seed, progress) for found in wanted]
    parts = [feature.parted() for feature in features]
    judge = _Judge([kept for _, kept in parts], (unseen or seen).images, seed)
    before = judge.of(network)
    unlearnt = [feature for feature, _ in parts]
    control = judge.of(_trained(network, seen, unlearnt, settings, progress, control=True))
    repaired = _trained(network, seen, unlearnt, settings, progress, control=False)
    after = judge.of(repaired)
    for found, was, now in zip(wanted, before, after, strict=True):
        _refuse_failure(found.id, was, now)
    told = {
        "parent": ModelCache(network).weights,
        "method": "fine-tune",
        "classes": [found.id for found in wanted],
        "settings": asdict(settings),
        "measured_on": "unseen" if unseen else "seen",
        "findings": [
            {
                "id": found.id,
                "carrier": feature.carrier,
                "sources": len(feature.sources),
                "before": was.model_dump(mode="json"),
                "control": other.model_dump(mode="json"),
                "after": now.model_dump(mode="json"),
            }
            for found, feature, was, other, now in zip(wanted, features, before, control, after, strict=True)
        ],
    }
    repaired.card = {**network.card, "repairs": [*network.card.get("repairs", []), told]}
    save_model(repaired, path, force=force)
    return {"model": str(path), **told}


def _wanted(findings: Sequence[ToldFinding], classes: Sequence[int] | None) -> list[ToldFinding]:
    """Those of the classes, or all shortcuts."""
    if classes is None:
        chosen = [found for found in findings if found.verdict == "shortcut"]
        if not chosen:
            raise AuditError("the audit found no shortcut: there is nothing to unlearn; name a suspect by its class")
        return chosen
    by_id = {found.id: found for found in findings}
    if missing := [class_id for class_id in classes if class_id not in by_id]:
        raise AuditError(
            f"the findings tell nothing about class {missing[0]}; they tell of {', '.join(map(str, by_id))}"
        )
    return [by_id[class_id] for class_id in dict.fromkeys(classes)]


def _trained(
    model: Classifier,
    seen: Material,
    features: Sequence[Feature],
    settings: FineTuning,
    progress: Progress,
    *,
    control: bool,
) -> Classifier:
    """The model with the weights of its fine-tuned copy."""
    network = fine_tuned(model, seen.images, features, settings, control=control, progress=progress)
    trained = copy.deepcopy(model)
    trained.module.load_state_dict(network.state_dict())
    return trained


class _Judge:
    """Measures models on the same images and patches."""

    def __init__(self, kept: Sequence[Feature], tested: Images, seed: int) -> None:
        self._kept, self._tested, self._seed = kept, tested, seed

    def of(self, model: Classifier) -> list[Measured]:
        return [measured(model, feature, self._tested, self._seed) for feature in self._kept]


def _refuse_failure(class_id: int, before: Measured, after: Measured) -> None:
    def told(one: Measured) -> str:
        own = f", {one.own.share:.2%} of its own images right" if one.own else ""
        return f"{one.flips.share:.1%} become the class by the feature, {one.others.share:.2%} of the others right{own}"

    pairs = [(before.others, after.others), (before.own, after.own)]
    costly = any(now.interval[1] < was.share - _COST for was, now in pairs if was and now)
    unheld = after.flips.share > _LEFT * before.flips.share
    if unheld or costly:
        problem = "did not hold" if unheld else "costs too much"
        raise AuditError(
            f"the repair of class {class_id} {problem}, and nothing is written; before, {told(before)}; after, "
            f"{told(after)}: try more steps, or audit again"
        )
