"""Find, repair, verify: audits of a model and repairs of what they find, until an audit finds no shortcut."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from xaisigns.audit.audit_files import audit, audit_places
from xaisigns.audit.repair.repairing import repair
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.base.documents import json_text
from xaisigns.base.files import Place, check_places, is_file, remove_own, whole_file
from xaisigns.base.language import Language
from xaisigns.base.progress import Progress, silent
from xaisigns.errors import AuditError
from xaisigns.model.checkpoint import MODEL_MARK, load_model
from xaisigns.model.explainable import Explainable
from xaisigns.model.loading import Named, loaded
from xaisigns.study.model_cache import ModelCache
from xaisigns.study.study import Data

_ROUNDS = 3


def audit_and_repair(
    model: Named,
    data: Data = None,
    reference: Named | None = None,
    *,
    repaired: Path | str,
    out: Path | str,
    steps: int = 600,
    language: Language | None = None,
    device: str | torch.device | None = None,
    seed: int = 0,
    resume: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Audit a model, repair its shortcuts, and audit again until none is found: ``xaisigns audit --repair --json``.

    The arguments are those of ``audit`` and ``repair``. The folder ``out`` gets the findings of each round in
    ``round-1`` and so on, with the model that was made of them; ``repaired`` is where the last goes. With ``resume``
    one that was killed goes on: it audits anew, and where that finds what was found before it takes the round's model,
    or the checkpoint of a repair that was not done. Raises AuditError where the first audit finds no shortcut, where a
    repair did not hold, and where three rounds do not suffice; what was found and made so far stays in ``out``. Else
    raises as ``audit`` and ``repair`` do.
    """
    path, folder = Path(repaired), Path(out)
    network = loaded(model, device)
    folders = [folder / f"round-{number}" for number in range(1, _ROUNDS + 2)]
    check_places([Place(path, MODEL_MARK)], force=force)
    for here in folders:
        check_places(_places(here, network.classes), force=force)
    options: dict[str, Any] = {"seed": seed, "force": force, "progress": progress}
    rounds: list[dict[str, Any]] = []
    made = None
    for here in folders:
        earlier = _found_before(here) if resume else None
        found = audit(network, data, reference, out=here, language=language, **options)
        shortcuts = [one["id"] for one in found["findings"] if one["verdict"] == "shortcut"]
        rounds.append({"audit": found, "repair": None})
        if not shortcuts or here == folders[-1]:
            break
        made = here / "repaired.safetensors"
        told = None
        if earlier is not None and earlier == _found_before(here):
            told = _made_before(made, network, shortcuts, FineTuning(steps=steps, seed=seed))
        if told is None:
            remove_own([Place(made, MODEL_MARK)])  # which was made of something else
            finding = here / "findings.json"
            told = repair(network, data, finding=finding, out=made, steps=steps, resume=resume, **options)
        rounds[-1]["repair"] = told
        network = load_model(made, device=network.device)
    if made is None:
        raise AuditError(f"the audit found no shortcut, there is nothing to repair: {folders[0]} has what it found")
    if shortcuts:
        classes = ", ".join(map(str, shortcuts))
        raise AuditError(
            f"after {_ROUNDS} repairs the audit still finds a shortcut of class {classes}: {folder} has the findings "
            "of each round and the model that was made of them"
        )
    with whole_file(path, MODEL_MARK, force=force) as temporary:
        temporary.write_bytes(made.read_bytes())
    return {"model": str(path), "rounds": rounds}


def _found_before(folder: Path) -> bytes | None:
    """The findings that lie in a round's folder."""
    findings = folder / "findings.json"
    return findings.read_bytes() if is_file(findings) else None


def _made_before(path: Path, parent: Explainable, classes: list[int], settings: FineTuning) -> dict[str, Any] | None:
    """What ``repair`` told of a round's model, where there is one that it made of this parent in this way."""
    repairs = load_model(path).card.get("repairs") if is_file(path) else None
    if not repairs:
        return None
    of_weights = ModelCache(parent).weights
    wanted = {"parent": of_weights, "method": "fine-tune", "classes": classes, "settings": asdict(settings)}
    same = all(json_text(repairs[-1].get(key)) == json_text(value) for key, value in wanted.items())
    return {"model": str(path), **repairs[-1]} if same else None


def _places(folder: Path, classes: int) -> list[Place]:
    return [*audit_places(folder, range(classes)), Place(folder / "repaired.safetensors", MODEL_MARK)]
