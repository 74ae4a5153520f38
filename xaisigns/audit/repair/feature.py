"""What a finding says that a model decides by, as pixels: images that have it, and which pixels of them it is."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xaisigns.audit.evidence import Carrier
from xaisigns.audit.findings import ToldFinding
from xaisigns.audit.material import Material
from xaisigns.audit.repair.masks import Masks, Pixels, feature_masks, pasted
from xaisigns.audit.telling import readable
from xaisigns.audit.transplant import called
from xaisigns.base.cache import Arrays, digest_of, made_by
from xaisigns.base.progress import Progress, silent
from xaisigns.data.decoded import Images
from xaisigns.errors import AuditError
from xaisigns.model.explainable import Explainable
from xaisigns.study.model_cache import ModelCache

Places = NDArray[np.int64]

_SOURCES = 320  # images of the class that the feature is taken from
_OTHERS = 1000  # images of other classes that a mask is tried on
_LEAST = 6  # of which it can be taken: a third is kept to measure with
_TRIED, _TURNED = 32, 0.5  # images of other classes that it is pasted on, and what must turn, of what mostly does


@dataclass(frozen=True, eq=False)
class Feature:
    """What makes a model say ``class_id``: what the ``carrier`` takes from each of ``sources`` ``(n, S, S, 3)``.

    ``masks`` ``(n, S, S)`` are True where it is in each source; a frame, a colour or a texture is everywhere and has
    none. ``without`` ``(k,)`` are places of images of the class that do not have it, as far as the audit can tell.
    """

    class_id: int
    carrier: Carrier
    sources: Pixels
    masks: Masks | None
    without: Places

    def parted(self) -> tuple["Feature", "Feature"]:
        """The feature to unlearn, and every third source of it, kept to see whether it was unlearnt."""
        kept = np.arange(len(self.sources)) % 3 == 2
        return self.only(~kept), self.only(kept)

    def only(self, chosen: NDArray[np.bool_]) -> "Feature":
        """The feature of some sources."""
        return replace(self, sources=self.sources[chosen], masks=None if self.masks is None else self.masks[chosen])


def feature_of(
    found: ToldFinding, model: Explainable, seen: Material, seed: int = 0, progress: Progress = silent
) -> Feature:
    """The feature of a finding about a model, in the images that were audited.

    It is taken from 320 images at most: the suspect's or, where the whole class may have it, the class's; those count
    in which it turns images of other classes. Raises AuditError for a finding without a transplant, or of other images,
    and where too few images have a feature that turns others.
    """
    if found.transplant is None:
        raise AuditError(
            f"the finding about class {found.id} shows nothing that makes the model say it: nothing can be unlearnt"
        )
    own = np.flatnonzero(np.asarray(seen.images.labels) == found.id)
    if not len(own):
        raise AuditError(f"the data have no images of class {found.id}, which is to be kept: name the audited data")
    places = _of_suspect(found, seen) if found.suspect else own
    return find_feature(model, seen.images, found.id, found.transplant.carrier, places, seed, progress)


def find_feature(
    model: Explainable,
    images: Images,
    class_id: int,
    carrier: Carrier,
    places: Places,
    seed: int = 0,
    progress: Progress = silent,
) -> Feature:
    """The feature that images of a class ``(k,)``, by their places, carry. Raises AuditError as ``feature_of`` does."""
    pixels, labels = images.pixels, np.asarray(images.labels)
    random = np.random.default_rng([seed, class_id])
    drawn = np.sort(random.permutation(places)[:_SOURCES])
    others = np.asarray(pixels[random.permutation(np.flatnonzero(labels != class_id))[:_OTHERS]])
    sources, masks = np.asarray(pixels[drawn]), None
    if carrier == "window":
        masks = _kept_masks(model, sources, class_id, others, seed, progress)
    without = np.setdiff1d(np.flatnonzero(labels == class_id), places)
    feature = Feature(class_id, carrier, sources, masks, without)
    if masks is not None:
        feature = feature.only(_turns(model, feature, masks, others[:_TRIED]))
    if len(feature.sources) < _LEAST:
        raise AuditError(
            f"of {len(drawn)} images of class {class_id} only {len(feature.sources)} have something that makes the "
            f"model say it; a repair takes {_LEAST}"
        )
    return feature


def _kept_masks(
    model: Explainable, sources: Pixels, class_id: int, others: Pixels, seed: int, progress: Progress
) -> Masks:
    """As ``feature_masks``; a repair that was killed, or is tried with other settings, finds them made."""

    def make() -> Arrays:
        return {"masks": feature_masks(model, sources, class_id, others, seed, progress)}

    key = [made_by(("audit/repair/masks.py",), ("scipy",)), digest_of(sources, others), class_id, seed]
    return ModelCache(model).recall("masks", key, make)["masks"]


def _turns(model: Explainable, feature: Feature, masks: Masks, others: Pixels) -> NDArray[np.bool_]:
    """Which sources' parts turn others: as many as half of what the median one turns, since some images turn hardly."""
    marked = [pasted(source, mask, others) for source, mask in zip(feature.sources, masks, strict=True)]
    shares = np.array([(called(model, images) == feature.class_id).mean() for images in marked])
    return np.asarray((shares > 0) & (shares >= _TURNED * np.median(shares)))


def _of_suspect(found: ToldFinding, seen: Material) -> Places:
    by_key = {readable(sample.key): place for place, sample in enumerate(seen.data.samples)}
    spots = found.suspect.images if found.suspect else ()
    if missing := [spot.key for spot in spots if spot.key not in by_key]:
        raise AuditError(
            f"the data do not have {missing[0]!r}, which the finding about class {found.id} names: "
            "name the data that were audited"
        )
    return np.array([by_key[spot.key] for spot in spots], dtype=np.int64)
