"""What an audit found as a document that has all of it: what its parts are, and that they belong together."""

import base64
import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from xaisigns.audit.auditing import Limit as Missing
from xaisigns.audit.evidence import Box, Carrier, Verdict
from xaisigns.data.image_set import Split
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import rgb
from xaisigns.errors import AuditError, DataError
from xaisigns.model.schema import LARGEST_SIDE

Pixels = NDArray[np.uint8]

_URL = "data:image/png;base64,"


def png_url(pixels: Pixels) -> str:
    """Pixels ``(H, W, 3)`` as the data URL of a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return _URL + base64.b64encode(buffer.getvalue()).decode()


def pixels_of(url: str) -> Pixels:
    """The pixels ``(H, W, 3)`` of such a URL. Raises ValueError for anything else."""
    if not url.startswith(_URL):
        raise ValueError(f"a picture is wanted as {_URL}...")
    try:
        image = Image.open(io.BytesIO(base64.b64decode(url[len(_URL) :], validate=True)), formats=["PNG"])
        return np.asarray(rgb(image, max_pixels=LARGEST_SIDE**2))
    except Exception as error:  # a decoder raises whatever damaged bytes lead it to
        raise ValueError("a picture in it is no PNG that can be read") from error


def _checked(url: str) -> str:
    pixels_of(url)
    return url


def _box(box: Box) -> Box:
    left, top, right, bottom = box
    if not (0 <= left < right <= LARGEST_SIDE and 0 <= top < bottom <= LARGEST_SIDE):
        raise ValueError("a box is left, top, right, bottom in pixels, the last two outside")
    return box


def _manipulation(value: Any) -> Manipulation | None:
    try:
        return value if value is None or isinstance(value, Manipulation) else Manipulation.from_json(value)
    except DataError as error:
        raise ValueError(str(error)) from error


Limit = Literal[Missing, "copies", "biased_reference", "whole_class"]
Count = Annotated[int, Field(ge=0, le=10**9)]
Share = Annotated[float, Field(ge=0, le=1)]
Difference = Annotated[float, Field(ge=-1, le=1)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=10_000)]
Key = Annotated[str, Field(min_length=1, max_length=10_000)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Png = Annotated[str, AfterValidator(_checked)]
Place = Annotated[Box, AfterValidator(_box)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ToldRate(_Part):
    """``hits`` of ``count`` images, with the 95% interval of their share."""

    hits: Count
    count: Annotated[int, Field(ge=1, le=10**9)]
    share: Share
    interval: tuple[Share, Share]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if abs(self.share * self.count - self.hits) > 1e-3:
            raise ValueError(f"{self.hits} of {self.count} are not a share of {self.share}")
        if not self.interval[0] <= self.share <= self.interval[1]:
            raise ValueError(f"the share {self.share} does not lie in its interval")
        return self


class Spot(_Part):
    """A box in the image of a key."""

    key: Key
    box: Place


class Patch(Spot):
    """What was carried into other images, and the difference that it made to the strongest control."""

    difference: Difference


class Channel(_Part):
    """A channel of the suspect's layer, and the images that excite it most."""

    channel: Count
    images: tuple[Key, ...]


class ToldSuspect(_Part):
    """As ``evidence.Suspect``: images by their keys, each with the window in it."""

    images: Annotated[tuple[Spot, ...], Field(min_length=1)]
    count: Count
    separation: float
    stability: Share
    layer: Word
    channels: tuple[Channel, ...]
    window: Place

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if len({spot.key for spot in self.images}) != len(self.images) or len(self.images) > self.count:
            raise ValueError("a suspect's images are more than its class has, or one is there twice")
        return self


class ToldTransplant(_Part):
    """As ``evidence.Transplant``."""

    carrier: Carrier
    patches: Annotated[tuple[Patch, ...], Field(min_length=1)]
    flips: ToldRate
    reference: ToldRate | None
    others: ToldRate | None
    elsewhere: ToldRate | None
    difference: Difference
    p: Share


class ToldRemoval(_Part):
    """As ``evidence.Removal``."""

    suspect: ToldRate
    control: ToldRate


class ToldUnseen(_Part):
    """As ``evidence.Unseen``."""

    right: ToldRate
    p: Share
    collapsed: bool


class Pictures(_Part):
    """What a finding looks like: whole images by their keys; means of the suspect, the rest and the feature."""

    images: dict[Key, Png]
    mean: Png
    rest: Png | None
    feature: Png


class ToldFinding(_Part):
    """As ``evidence.Finding``, with the class's name and the sentence for everybody; ``pictures`` of a suspicion."""

    id: Count
    name: Text
    verdict: Verdict
    confidence: Share
    sentence: Text | None
    suspect: ToldSuspect | None
    transplant: ToldTransplant | None
    removal: ToldRemoval | None
    unseen: ToldUnseen | None
    pictures: Pictures | None

    @property
    def spots(self) -> Sequence[Spot]:
        """Where the feature is in the images that carry it, or in those that it was taken from."""
        if self.suspect:
            return self.suspect.images
        return self.transplant.patches if self.transplant else ()

    def image(self, key: Key) -> Pixels:
        """The image of a key, one of those that are shown. Raises AuditError for another."""
        if self.pictures is None or key not in self.pictures.images:
            raise AuditError(f"the finding about class {self.id} does not show the image {key!r}")
        return pixels_of(self.pictures.images[key])

    def patch(self, patch: Patch) -> Pixels:
        """The pixels ``(h, w, 3)`` in the box of a patch. Raises AuditError as ``image`` does."""
        left, top, right, bottom = patch.box
        return self.image(patch.key)[top:bottom, left:right]

    @model_validator(mode="after")
    def _has_evidence(self) -> Self:
        proven = self.transplant is not None and self.transplant.difference > 0
        collapsed = self.unseen is not None and self.unseen.collapsed
        evidence = {"shortcut": proven, "unseen": collapsed, "suspect": self.suspect is not None, "nothing": True}
        if not evidence[self.verdict]:
            raise ValueError(f"there is no evidence for the verdict {self.verdict!r} about class {self.id}")
        return self

    @model_validator(mode="after")
    def _shows_its_patches(self) -> Self:
        shown = {patch.key for patch in self.transplant.patches} if self.transplant else set()
        for channel in self.suspect.channels if self.suspect else ():
            shown |= set(channel.images)
        if self.pictures and not shown <= self.pictures.images.keys():
            raise ValueError("an image that is to be shown is not there")
        return self


class ToldModel(_Part):
    """The audited model: SHA-256 of its weights, the side of its images in pixels, the number of its classes."""

    weights: Digest
    input_size: Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
    classes: Count


class ToldReference(_Part):
    """The reference model; ``name`` is that of a shipped model or of a file, None for one that was loaded already."""

    name: Text | None
    weights: Digest


class ToldData(_Part):
    """A split of images; ``stickers`` were put on in memory, as in the model's training."""

    split: Split
    images: Count
    fingerprint: Digest
    stickers: Annotated[Manipulation | None, BeforeValidator(_manipulation)]


class Findings(_Part):
    """An audit's findings, the ranked classes of a model.

    ``thresholds`` are those of the rule of the verdicts; ``routes`` is how many transplants were screened, ``proofs``
    for how many p-values are corrected; ``limits`` tells what the audit cannot tell, ``finding`` is the first sentence.
    """

    format: Annotated[int, Field(ge=1, le=1)]
    made_by: Word
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)]
    model: ToldModel
    reference: ToldReference | None
    data: ToldData
    unseen: ToldData | None
    thresholds: dict[Word, float]
    routes: Count
    proofs: Count
    finding: Text | None
    limits: dict[Limit, Text]
    findings: tuple[ToldFinding, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        ids = [found.id for found in self.findings]
        if len(set(ids)) != len(ids) or any(class_id >= self.model.classes for class_id in ids):
            raise ValueError("a class is told twice, or the model does not have it")
        for found in self.findings:
            _check_sizes(found, self.model.input_size)
        return self

    @property
    def found(self) -> tuple[ToldFinding, ...]:
        """Those with another verdict than "nothing"."""
        return tuple(one for one in self.findings if one.verdict != "nothing")


def _check_sizes(found: ToldFinding, side: int) -> None:
    patches = found.transplant.patches if found.transplant else ()
    spots = (*found.spots, *patches)
    if any(max(spot.box) > side for spot in spots) or (found.suspect and max(found.suspect.window) > side):
        raise ValueError(f"a box does not lie in the model's images of {side} pixels")
    whole = [*found.pictures.images.values(), found.pictures.mean] if found.pictures else []
    if any(pixels_of(url).shape != (side, side, 3) for url in whole):
        raise ValueError(f"a picture has not the {side} pixels of the model's images")
