"""What an audit finds, class by class: suspects, what transplants and removals do, and the verdict on them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["shortcut", "suspect", "unseen", "nothing"]  # what names a feature comes first
Carrier = Literal["window", "frame", "colour", "texture"]
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels of the network's image; the last two are outside


@dataclass(frozen=True)
class Rate:
    """``hits`` of ``count`` images."""

    hits: int
    count: int


@dataclass(frozen=True, eq=False)
class Suspect:
    """A part of a class's images that the network tells from the rest of the class.

    ``images`` are their places in the pictures, ``count`` is the number of the class's images. ``separation`` says how
    far they stand out, in units of the median of what stands out most in each other class, ``stability`` (0 to 1) how
    often resamples of the class are parted alike. ``channels`` of ``layer`` tell them apart, the strongest first.
    ``window`` is where the relevance of these channels points most often, ``windows`` ``(n, 4)`` where it does in each
    of the images.
    """

    class_id: int
    images: NDArray[np.int64]
    count: int
    separation: float
    stability: float
    layer: str
    channels: tuple[int, ...]
    window: Box
    windows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Transplant:
    """How often images of other classes became the class once the ``carrier`` brought its feature into them.

    ``sources`` are places in the pictures of the images that it was taken from, ``boxes`` ``(n, 4)`` where in each;
    ``flips`` of the audited model, ``reference`` of the reference model on the very same images, ``others`` with what
    the same places hold in the class's other images, ``elsewhere`` with windows of the same size off the suspect; None
    where there was none, and where a screening had no need of it. ``by_patch`` ``(n,)`` is the difference to the
    strongest control, source by source. ``p`` is the largest of the p-values against each control, corrected over all
    proofs of the audit [holm1979simple]; 1 where it was only screened.
    """

    carrier: Carrier
    sources: NDArray[np.int64]
    boxes: NDArray[np.int64]
    flips: Rate
    reference: Rate | None
    others: Rate | None
    elsewhere: Rate | None
    by_patch: NDArray[np.float64]
    p: float

    @property
    def difference(self) -> float:
        """The rate of flips less that of the strongest control."""
        controls = [rate for rate in (self.reference, self.others, self.elsewhere) if rate]
        return self.flips.hits / self.flips.count - max((rate.hits / rate.count for rate in controls), default=0.0)


@dataclass(frozen=True)
class Removal:
    """How many of the class's images lost their class once the suspect window, or a control window, was filled."""

    suspect: Rate
    control: Rate


@dataclass(frozen=True)
class Unseen:
    """The class on images that the training did not see: how many were ``right``, and the p-value of so few (Holm)."""

    right: Rate
    p: float
    collapsed: bool


@dataclass(frozen=True)
class Finding:
    """All evidence about one class, the ``verdict`` on it and its ``confidence`` from 0 to 1."""

    class_id: int
    verdict: Verdict
    confidence: float
    suspect: Suspect | None
    transplant: Transplant | None
    removal: Removal | None
    unseen: Unseen | None
