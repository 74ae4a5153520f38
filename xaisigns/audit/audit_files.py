"""From a model and a data set to findings: audits them, and writes what was found, with pictures, to a folder."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xaisigns.audit.auditing import Audit, examine
from xaisigns.audit.exhibits import exhibit
from xaisigns.audit.finding_figure import finding_figure
from xaisigns.audit.findings import (
    Findings,
    Limit,
    ToldData,
    ToldFinding,
    ToldModel,
    ToldReference,
)
from xaisigns.audit.findings_file import FINDINGS_MARK
from xaisigns.audit.material import Material, find_material, find_reference
from xaisigns.audit.telling import told_finding
from xaisigns.audit.verdict import APART, EFFECT, LEVEL, SEPARATED
from xaisigns.audit.wording import limit_text
from xaisigns.base.bounds import check_seed
from xaisigns.base.documents import json_text
from xaisigns.base.files import Place, check_places, remove_own, whole_files
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.base.version import __version__
from xaisigns.data.decoded import objects_of
from xaisigns.data.image_set import Split, fingerprint
from xaisigns.errors import AuditError
from xaisigns.model.evaluation import class_name
from xaisigns.model.explainable import Explainable
from xaisigns.model.loading import Named, loaded
from xaisigns.pictures.figures import PICTURE_MARK, write_picture
from xaisigns.study.attributions.stored import Stored
from xaisigns.study.attributions.writing import keep as keep_store
from xaisigns.study.model_cache import ModelCache
from xaisigns.study.responses import Responses, respond
from xaisigns.study.study import Data


@own_torch_state()
def audit(
    model: Named,
    data: Data = None,
    reference: Named | None = None,
    *,
    split: Split = "train",
    store: Path | str | None = None,
    keep: bool = False,
    out: Path | str | None = None,
    language: Language | None = None,
    device: str | torch.device | None = None,
    seed: int = 0,
    force: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Find what a model decides by that it should not, without being told: the document of ``xaisigns audit --json``.

    ``model`` is loaded, or a name or file that ``load_model`` takes; ``data`` is a folder, or None for drawn signs. Of
    these the images of the ``split`` are audited as the model's trainer had them: training images have the stickers
    that its card tells of, put on in memory, unless the folder is a manipulated copy. That is how the data were, and no
    hint: no part of the audit looks at where, or that, there are stickers. A data set (``xs.open_images``) is taken as
    it lies. Test images, where there are any, are those that the training did not see.

    ``reference`` is a model of the same classes, whose answers to the very same images are the strongest control. By
    default it is the shipped "clean" for a model of GTSRB's classes; "clean" itself has none by default, and
    "stickered" may serve it. "none" does without; then an audit has fewer ways to a verdict.

    What the model makes of the images comes from a ``store`` that ``write_store`` wrote of them with ``responses``, as
    far as it goes. It has images as they lie there: of stickers that are put on in memory it knows nothing. With
    ``keep`` it is written first, as far as it is not there, with relevance by LRP.

    ``out`` is a folder for ``findings.json``, which has all of the document, and a picture of each finding; without it
    nothing is written, and nothing that xaisigns did not write is overwritten without ``force``. Names and sentences
    are in ``language``, as ``chosen_language`` takes it; ``device`` is as ``loaded`` takes it; ``seed`` draws the
    images.

    Raises DataError for data that are missing or broken, or have other classes than the model, and for a seed out of
    bounds; AuditError for a reference that cannot be one, and for a model of which an audit can tell nothing; RuleError
    for a network that LRP cannot take; OutputError, before the work, where a file cannot be written; AuditError for a
    store where stickers are put on in memory, and what ``Stored`` raises.
    """
    language, seed = chosen_language(language), check_seed(seed)
    network = loaded(model, device)
    folder = None if out is None else Path(out)
    if folder:
        check_places(audit_places(folder, range(network.classes)), force=force)
    seen, unseen = find_material(network, data, split, progress)
    _refuse_store_of_stickers(store, seen)
    compared, name = find_reference(network, seen.data, reference)
    if keep:
        keep_store(store, network, seen.data, ["lrp"], progress, responses=True)
    responses = None if store is None else Stored(store, network, seen.data, progress).responses()
    found = examine(
        network,
        seen.images,
        unseen.images if unseen else None,
        compared,
        objects=objects_of(seen.data.samples),
        responses=responses,
        seed=seed,
        progress=progress,
    )
    told = _told(network, seen, found, responses, language, progress)
    findings = Findings(
        format=1,
        made_by=f"xaisigns {__version__}",
        seed=seed,
        model=_model(network),
        reference=None if compared is None else ToldReference(name=name, weights=ModelCache(compared).weights),
        data=_data(seen),
        unseen=_data(unseen) if unseen else None,
        thresholds={"level": LEVEL, "apart": APART, "effect": EFFECT, "separated": SEPARATED},
        routes=found.routes,
        proofs=found.proofs,
        finding=next((one.sentence for one in told if one.sentence), None),
        limits={limit: limit_text(limit, language) for limit in _limits(found, compared, seen)},
        findings=told,
    )
    document = findings.model_dump(mode="json")
    if folder:
        document["files"] = write_findings(findings, folder, language, force=force)
    return {key: one for key, one in document.items() if key != "made_by"}


def _refuse_store_of_stickers(store: Path | str | None, seen: Material) -> None:
    if store is not None and seen.stickers is not None:
        raise AuditError(
            "the audit puts the stickers of the model's training on these images, which a store does not have: write a "
            "copy of the data with them ('xaisigns data sticker'), and a store of that"
        )


def audit_places(folder: Path, classes: Iterable[int]) -> list[Place]:
    """Where the findings and the pictures of these classes are in a folder."""
    pictures = [Place(folder / f"class-{class_id}.png", PICTURE_MARK) for class_id in classes]
    return [Place(folder / "findings.json", FINDINGS_MARK), *pictures]


def write_findings(findings: Findings, folder: Path, language: Language, *, force: bool = False) -> dict[str, Any]:
    """Write the findings and a picture of each to the folder, all or none, and give their paths.

    Pictures that an earlier audit left there of other classes are removed: nothing would tell them from these. Raises
    OutputError when one cannot be written, or is there and not of xaisigns without ``force``.
    """
    found = [one.id for one in findings.found]
    places = audit_places(folder, found)
    with whole_files(places, force=force) as (whole, *pictures):
        whole.write_text(json_text(findings.model_dump(mode="json")) + "\n", encoding="utf-8")
        for one, picture in zip(findings.found, pictures, strict=True):
            write_picture(finding_figure(one, one.name, language), picture)
    _, *others = audit_places(folder, set(range(findings.model.classes)).difference(found))
    remove_own(others)
    paths = [str(place.path) for place in places]
    return {"findings": paths[0], "pictures": paths[1:]}


def _told(
    model: Explainable,
    seen: Material,
    found: Audit,
    responses: Responses | None,
    language: Language,
    progress: Progress,
) -> tuple[ToldFinding, ...]:
    """The findings as a document has them, those about anything with their pictures."""
    pixels, labels = seen.images.pixels, seen.images.labels.numpy()
    keys = [sample.key for sample in seen.data.samples]
    suspected = any(one.suspect for one in found.findings)
    # Without a store the audit has kept them.
    answers = (responses or respond(model, pixels, progress=progress)) if suspected else None
    told = []
    for one in found.findings:
        shown = None
        if one.verdict != "nothing":
            strengths = _strengths(answers, one.suspect.layer) if answers and one.suspect else None
            shown = exhibit(one, pixels, labels, strengths)
        name = class_name(model, seen.data, one.class_id, language)
        told.append(told_finding(one, name, keys, pixels, shown, language))
    return tuple(told)


def _strengths(responses: Responses, layer: str) -> NDArray[np.float16]:
    """How strongly each channel of a layer answers in each image where it does most, ``(N, channels)``."""
    names = list(responses.layers)
    first = sum(responses.layers[name] for name in names[: names.index(layer)])
    strongest: NDArray[np.float16] = responses.parts[:, :, first : first + responses.layers[layer]].max(axis=1)
    return strongest


def _limits(found: Audit, reference: Explainable | None, seen: Material) -> list[Limit]:
    """What this audit cannot tell, and what none can."""
    copies: list[Limit] = ["copies"] if seen.copies else []
    biased: list[Limit] = [] if reference is None else ["biased_reference"]
    return [*found.limits, *copies, *biased, "whole_class"]


def _model(model: Explainable) -> ToldModel:
    size = model.preprocessing.input_size
    return ToldModel(weights=ModelCache(model).weights, input_size=size, classes=model.classes)


def _data(material: Material) -> ToldData:
    data = material.data
    return ToldData(
        split=data.split, images=len(data), fingerprint=fingerprint(data.samples), stickers=material.stickers
    )
