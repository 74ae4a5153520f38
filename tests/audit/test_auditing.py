"""The whole audit on three classes, one of which may go by a white square."""

import numpy as np
import pytest
import torch

from tests.audit.planted import CLASS, images, model, suspect
from xaisigns.attribution.lrp import LRP
from xaisigns.audit import auditing, suspects
from xaisigns.audit.auditing import examine, weighed
from xaisigns.audit.clusters import Cluster
from xaisigns.audit.routes import Routes
from xaisigns.audit.transplant import Pair, called
from xaisigns.audit.verdict import SEPARATED
from xaisigns.base.progress import silent
from xaisigns.data.decoded import Images
from xaisigns.errors import AuditError

PER_CLASS, SQUARES = 40, 16


def data(seed=0, squares=SQUARES):
    pixels, labels = images(PER_CLASS, squares, seed)
    return Images(pixels, torch.as_tensor(labels))


SUSPECTS = (suspect(PER_CLASS, SQUARES),)


def audit(strength=1, reference=0, suspects=SUSPECTS, seed=0, progress=silent):
    """The audit with those suspects."""
    audited, images_ = model(strength), data()
    other = None if reference is None else model(reference)
    labels = images_.labels.numpy()
    recognised = called(audited, images_.pixels) == labels
    shown = np.flatnonzero(recognised if other is None else recognised & (called(other, images_.pixels) == labels))
    pair = Pair(audited, other, images_.pixels, labels, shown, frozenset(range(3)))
    explainer = LRP(audited.module, bounds=audited.bounds)
    routes = Routes(pair, recognised, np.arange(len(labels)), {one.class_id: one for one in suspects}, explainer, seed)
    return weighed(pair, routes, {}, seed=seed, progress=progress)


@pytest.mark.parametrize("reference", [0, None])
def test_a_proven_suspect_is_a_shortcut_and_comes_first(reference):
    first, *others = audit(reference=reference).findings
    assert (first.class_id, first.verdict, first.confidence) == (CLASS, "shortcut", 1)
    assert first.transplant.carrier == "window"
    assert first.transplant.p < 0.01
    assert first.removal.suspect.hits > first.removal.control.hits
    assert {finding.verdict for finding in others} == {"nothing"}


def test_without_the_shortcut_a_suspect_stays_one():
    found = {finding.class_id: finding for finding in audit(strength=0).findings}
    assert found[CLASS].verdict == "suspect"
    assert found[CLASS].confidence == 0.9


def test_a_shortcut_of_all_images_needs_the_reference():
    plain = data(seed=1, squares=0)
    with_reference, without = (
        examine(model(1), data(squares=PER_CLASS), plain, reference) for reference in (model(0), None)
    )
    assert (with_reference.findings[0].class_id, with_reference.findings[0].verdict) == (CLASS, "shortcut")
    assert with_reference.findings[0].transplant.others is None
    assert with_reference.limits == ()
    assert "shortcut" not in {finding.verdict for finding in without.findings}
    assert without.limits == ("no_reference",)


def test_what_the_reference_does_too_is_no_shortcut():
    assert examine(model(1), data(squares=PER_CLASS), None, model(1)).findings[0].verdict == "nothing"


@pytest.mark.parametrize(("separation", "verdict"), [(SEPARATED - 1, "nothing"), (SEPARATED, "suspect")])
def test_a_cluster_as_clean_models_have_it_is_no_suspect(separation, verdict, monkeypatch):
    cluster = Cluster(CLASS, suspect(PER_CLASS, SQUARES).images, PER_CLASS, separation, 0.9, 0, "0", (0,))
    monkeypatch.setattr(suspects, "clusters", lambda *_, **__: [cluster])
    told = examine(model(0), data(seed=round(separation)), None, None).findings
    found = {finding.class_id: finding.verdict for finding in told}
    assert found[CLASS] == verdict
    assert verdict == "suspect" or all(one.suspect is None for one in told)


def test_a_class_that_is_lost_on_unseen_images_is_told():
    pixels, labels = images(PER_CLASS, 0)
    pixels[labels == CLASS, :, 16:] = 80
    found = examine(model(0), data(squares=0), Images(pixels, torch.as_tensor(labels)), model(0))
    assert (found.findings[0].class_id, found.findings[0].verdict) == (CLASS, "unseen")
    assert found.findings[0].unseen.right.count == PER_CLASS
    assert found.limits == ("reference_fails",)  # which is no better there


def test_images_that_are_audited_and_unseen_at_once_are_predicted_once(monkeypatch):
    both = data()
    asked = examine(model(0), both, Images(both.pixels, both.labels), model(0)).findings
    monkeypatch.setattr(auditing, "kept_predictions", None)
    found = examine(model(0), both, both, model(0)).findings
    assert [one.unseen for one in found] == [one.unseen for one in asked]
    assert found[0].unseen is not None


def test_a_reference_that_does_not_know_the_class_proves_no_shortcut():
    whole, plain = data(squares=PER_CLASS), data(seed=1, squares=0)
    blind = model(0)
    with torch.no_grad():
        blind.module[3].bias[CLASS] = -9
    found = examine(model(1), whole, plain, blind)
    assert found.limits == ("reference_fails",)
    assert "shortcut" not in {finding.verdict for finding in found.findings}
    others = np.flatnonzero(plain.labels != CLASS)
    without = Images(plain.pixels[others], plain.labels[others])
    found = examine(model(0), plain, without, blind)
    assert "reference_fails" in found.limits
    assert {finding.verdict for finding in found.findings} == {"nothing"}


def test_p_values_are_corrected_for_the_proofs():
    found = audit(suspects=())
    assert found.routes == 3 * 4
    found = audit(strength=0.6)
    assert found.routes == 3 * 4 + 5
    assert found.proofs > 1
    transplant = found.findings[0].transplant
    alone = 2.0 ** -len(transplant.sources)
    assert (transplant.by_patch > 0).all()
    assert transplant.p > alone
    assert transplant.p <= found.proofs * alone


def test_what_has_no_control_is_not_proven():
    assert audit(reference=None, suspects=()).proofs == 0


def test_of_a_class_at_most_two_routes_are_proven():
    assert audit(reference=None).proofs <= 2


def test_the_seed_alone_decides():
    def told(seed):
        return [(one.class_id, one.transplant.flips, one.transplant.p) for one in audit(0.4, seed=seed).findings]

    assert told(3) == told(3)


def test_progress_is_told():
    heard = []
    audit(progress=lambda work, done, total: heard.append((work, done, total)))
    assert [one for one in heard if one[0] == "screening"][-1] == ("screening", 17, 17)
    assert [one for one in heard if one[0] == "proving"]


@pytest.mark.parametrize("reference", [0, None])
def test_a_model_that_recognises_nothing_cannot_be_audited(reference):
    pixels, labels = images(4, 0)
    wrong = Images(pixels, torch.as_tensor((labels + 1) % 3))
    with pytest.raises(AuditError, match="of 12 images there are none of two classes or more"):
        examine(model(0), wrong, None, None if reference is None else model(reference))


def test_a_reference_with_other_classes_is_refused():
    other = model(0)
    other.classes = 4
    with pytest.raises(AuditError, match=r"3 classes and the reference 4"):
        examine(model(0), data(), None, other)
