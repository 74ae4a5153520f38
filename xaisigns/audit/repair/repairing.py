"""From a model and a finding about it to a model that no longer decides by what was found."""

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xaisigns.audit.evidence import Rate
from xaisigns.audit.findings import ToldFinding
from xaisigns.audit.findings_file import findings_for
from xaisigns.audit.material import Material, find_material
from xaisigns.audit.repair.checkpoints import CHECKPOINT_MARK, Checkpoint
from xaisigns.audit.repair.feature import Feature, feature_of
from xaisigns.audit.repair.measuring import Judged, Measured, judged
from xaisigns.audit.repair.projection import projected
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.audit.repair.side_by_side import tuned_beside_control
from xaisigns.audit.statistics import interval
from xaisigns.base.cache import digest_of, made_by
from xaisigns.base.documents import json_text
from xaisigns.base.files import Place, check_places
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import AuditError, DataError
from xaisigns.model.checkpoint import MODEL_MARK, save_model
from xaisigns.model.classifier import Classifier
from xaisigns.model.loading import Named, loaded
from xaisigns.model.training_files import check_name, checkpoint_path
from xaisigns.study.model_cache import ModelCache
from xaisigns.study.study import Data

Method = Literal["fine-tune", "projection"]

_COST = 0.005  # of the accuracy on other classes, or of the class's own recall: more is no repair
_LEFT = 0.5  # of the flips: more is no repair


@own_torch_state()
def repair(
    model: Named,
    data: Data = None,
    *,
    finding: Path | str,
    out: Path | str,
    method: Method = "fine-tune",
    classes: Sequence[int] | None = None,
    steps: int = 600,
    seed: int = 0,
    device: str | torch.device | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Unlearn what an audit found, and write the repaired model to ``out``: the document of ``xaisigns repair --json``.

    ``finding`` is the findings.json of an audit of this model on this ``data``, which is a folder, or None for drawn
    signs. Unlearnt are its shortcuts, or what it tells of the ``classes``. With "fine-tune" their features are laid on
    training images of all other classes, whose labels stay, and are hidden in images of their own class; the network
    is trained on for ``steps`` of 96 images. With "projection" nothing is trained: the directions that the features
    move a layer in are taken out of its weights. No mask is needed, and no clean copy of the data.

    It is measured on images that the training did not see (on those of the training where there are no others), with
    patches that the repair did not use, for the model before, after, and, of a fine-tuning, for a control that was
    trained on without patches. The file's card tells of it under "repairs". While a fine-tuning lasts, its state lies
    beside ``out`` as .unlearning.checkpoint.safetensors, and the control's as .control.checkpoint.safetensors; with
    ``resume`` one that was killed goes on from there, and gives the same model.

    Raises AuditError for findings of another model, where there is nothing to unlearn, for a projection where the whole
    class may have the feature and, with nothing written, where the repair did not hold: where more than half of the
    flips are left, or the accuracy on other classes or the class's recall is, with 95% certainty, down by more than
    half a point. Raises DataError for a fine-tuning on data without images of some class, which it would forget. Raises
    DataError, ModelError, RuleError and OutputError as ``audit`` does, ModelError for a checkpoint
    of another repair.
    """
    settings = FineTuning(steps=steps, seed=seed)
    path = Path(out)
    check_name(path)
    kept = [checkpoint_path(path, of) for of in ("control", "unlearning")] if method == "fine-tune" else []
    check_places([Place(path, MODEL_MARK), *(Place(one, CHECKPOINT_MARK) for one in kept)], force=force)
    network = loaded(model, device)
    if not isinstance(network, Classifier):
        raise AuditError("a model file is written: wanted a Classifier of xaisigns, as xs.load_model gives it")
    findings = findings_for(network, finding)
    wanted = _wanted(findings.findings, classes)
    if method == "projection":
        _refuse_whole_classes(wanted)
    seen, unseen = find_material(network, data, "train", progress)
    if method == "fine-tune":
        _refuse_missing_classes(network, seen)
    if unseen and len(unseen.images.labels.unique()) < 2:  # of which no class could be measured beside others
        unseen = None
    features = [feature_of(found, network, seen, seed, progress) for found in wanted]
    parts = [feature.parted() for feature in features]
    judge = partial(judged, features=[kept for _, kept in parts], tested=(unseen or seen).images, seed=seed)
    before = judge(network)
    unlearnt = [feature for feature, _ in parts]
    told: dict[str, Any] = {
        "parent": ModelCache(network).weights,
        "method": method,
        "classes": [one.id for one in wanted],
    }
    if method == "projection":
        made, taken = projected(network, seen.images, unlearnt, seed, progress)
        told["settings"] = {"seed": seed}
        repaired, control = _with_weights(network, made), None
    else:
        identity = {
            "model": ModelCache(network).parts,
            "code": made_by(("audit/repair", "audit/carriers.py"), ("scipy",)),
            "data": digest_of(seen.images.pixels, seen.images.labels.numpy()),
            "features": [_digest(feature) for feature in unlearnt],
            "settings": asdict(settings),
        }
        identity = json.loads(json_text(identity))  # as it is read again: no tuples
        checkpoints = [
            Checkpoint(place, {**identity, "control": of_control}, resume=resume, force=force)
            for place, of_control in zip(kept, (True, False), strict=True)
        ]
        trained = tuned_beside_control(network, seen.images, unlearnt, settings, checkpoints, progress)
        told["settings"], taken = asdict(settings), None
        other, repaired = (_with_weights(network, one) for one in trained)
        control = judge(other)
    after = judge(repaired)
    told["measured_on"] = "unseen" if unseen else "seen"
    told["findings"] = [
        {
            "id": found.id,
            "carrier": feature.carrier,
            "sources": len(feature.sources),
            "layer": taken[place].layer if taken else None,
            "rank": taken[place].rank if taken else None,
            "before": before[place].told.model_dump(mode="json"),
            "control": control[place].told.model_dump(mode="json") if control else None,
            "after": after[place].told.model_dump(mode="json"),
        }
        for place, (found, feature) in enumerate(zip(wanted, features, strict=True))
    ]
    failures = [_failure(found.id, was, now) for found, was, now in zip(wanted, before, after, strict=True)]
    if not any(failures):
        repaired.card = {**network.card, "repairs": [*network.card.get("repairs", []), told]}
        save_model(repaired, path, force=force)
    for checkpoint in kept:
        checkpoint.unlink(missing_ok=True)
    for failure in filter(None, failures):
        raise AuditError(failure)
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


def _refuse_missing_classes(model: Classifier, seen: Material) -> None:
    """A network that is trained on forgets the classes that it no longer sees, and nobody would notice."""
    there = set(seen.images.labels.tolist())
    if missing := [class_id for class_id in range(model.classes) if class_id not in there]:
        named = ", ".join(map(str, missing[:4])) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
        raise DataError(
            f"the data have no images of class {named}: a network that is trained on without them forgets them; name "
            "data with images of every class that the model tells apart"
        )


def _refuse_whole_classes(wanted: Sequence[ToldFinding]) -> None:
    """Without an image that lacks the feature the class is the feature, and goes with it."""
    for found in wanted:
        if found.suspect is None or len(found.suspect.images) == found.suspect.count:
            raise AuditError(
                f"every image of class {found.id} may have the feature: a projection, which takes it out, would take "
                "out the class; take the method fine-tune"
            )


def _with_weights(model: Classifier, network: nn.Module) -> Classifier:
    """The model with the weights of a changed copy of its network."""
    changed = copy.deepcopy(model)
    changed.module.load_state_dict(network.state_dict())
    return changed


def _digest(feature: Feature) -> str:
    masks = [] if feature.masks is None else [feature.masks]
    return digest_of(np.array([feature.class_id]), feature.sources, feature.without, *masks)


def _least_drop(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """By how much the share of right images ``(n,)``, the same before and after, is down at least, with 95% certainty.

    Of those that are right only once, exact [clopper1934use]: how many are lost at least.
    """
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    least, _ = interval(Rate(lost, lost + won))
    return (2 * least - 1) * (lost + won) / len(before)


def _failure(class_id: int, before: Judged, after: Judged) -> str | None:
    """Why a repair does not hold; None where it does."""

    def told(one: Measured) -> str:
        own = f", {one.own.share:.2%} of its own images right" if one.own else ""
        return f"{one.flips.share:.1%} become the class by the feature, {one.others.share:.2%} of the others right{own}"

    pairs = [(before.others, after.others), (before.own, after.own)]
    costly = any(_least_drop(was, now) > _COST for was, now in pairs if was.size)
    unheld = after.told.flips.share > _LEFT * before.told.flips.share
    if not unheld and not costly:
        return None
    problem = "did not hold" if unheld else "costs too much"
    return (
        f"the repair of class {class_id} {problem}, and nothing is written; before, {told(before.told)}; "
        f"after, {told(after.told)}: try more steps, or audit again"
    )
