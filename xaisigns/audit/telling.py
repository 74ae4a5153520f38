"""From evidence to the document that people and programs read: keys, shares with intervals, names, pictures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xaisigns.audit.evidence import Box, Finding, Rate, Removal, Suspect, Transplant, Unseen
from xaisigns.audit.exhibits import Exhibit
from xaisigns.audit.findings import (
    Channel,
    Patch,
    Pictures,
    Pixels,
    Spot,
    ToldFinding,
    ToldRate,
    ToldRemoval,
    ToldSuspect,
    ToldTransplant,
    ToldUnseen,
    png_url,
)
from xaisigns.audit.wording import sentence
from xaisigns.base.language import Language
from xaisigns.model.evaluation import wilson_interval


def told_finding(
    finding: Finding, name: str, keys: Sequence[str], pixels: Pixels, exhibit: Exhibit | None, language: Language
) -> ToldFinding:
    """A finding about the class of that name; ``keys`` and ``pixels`` are of the audited images."""
    keys = [readable(key) for key in keys]
    told = ToldFinding(
        id=finding.class_id,
        name=readable(name),
        verdict=finding.verdict,
        confidence=float(finding.confidence),
        sentence=None,
        suspect=_suspect(finding.suspect, keys, exhibit) if finding.suspect else None,
        transplant=_transplant(finding.transplant, keys) if finding.transplant else None,
        removal=_removal(finding.removal) if finding.removal else None,
        unseen=_unseen(finding.unseen) if finding.unseen else None,
        pictures=_pictures(exhibit, keys, pixels) if exhibit else None,
    )
    return told.model_copy(update={"sentence": sentence(told, told.name, language)})


def readable(text: str) -> str:
    r"""The text, with bytes of file names that are no UTF-8 as ``\udcdf``: half a character is no text in a file."""
    return text.encode("utf-8", "backslashreplace").decode()


def told_rate(rate: Rate) -> ToldRate:
    """A rate with its share and the 95% interval of that [wilson1927probable]."""
    hits, count = int(rate.hits), int(rate.count)
    return ToldRate(hits=hits, count=count, share=hits / count, interval=wilson_interval(hits, count))


def _control(rate: Rate | None) -> ToldRate | None:
    return told_rate(rate) if rate else None


def _suspect(suspect: Suspect, keys: Sequence[str], exhibit: Exhibit | None) -> ToldSuspect:
    channels = exhibit.channels if exhibit else [(channel, ()) for channel in suspect.channels]
    return ToldSuspect(
        images=tuple(
            Spot(key=keys[place], box=_box(window))
            for place, window in zip(suspect.images.tolist(), suspect.windows, strict=True)
        ),
        count=suspect.count,
        separation=float(suspect.separation),
        stability=float(suspect.stability),
        layer=suspect.layer,
        channels=tuple(
            Channel(channel=int(channel), images=tuple(keys[place] for place in most)) for channel, most in channels
        ),
        window=_box(np.asarray(suspect.window)),
    )


def _transplant(transplant: Transplant, keys: Sequence[str]) -> ToldTransplant:
    rows = zip(transplant.sources.tolist(), transplant.boxes, transplant.by_patch.tolist(), strict=True)
    return ToldTransplant(
        carrier=transplant.carrier,
        patches=tuple(Patch(key=keys[place], box=_box(box), difference=difference) for place, box, difference in rows),
        flips=told_rate(transplant.flips),
        reference=_control(transplant.reference),
        others=_control(transplant.others),
        elsewhere=_control(transplant.elsewhere),
        difference=float(transplant.difference),
        p=float(transplant.p),
    )


def _removal(removal: Removal) -> ToldRemoval:
    return ToldRemoval(suspect=told_rate(removal.suspect), control=told_rate(removal.control))


def _unseen(unseen: Unseen) -> ToldUnseen:
    return ToldUnseen(right=told_rate(unseen.right), p=float(unseen.p), collapsed=bool(unseen.collapsed))


def _pictures(exhibit: Exhibit, keys: Sequence[str], pixels: Pixels) -> Pictures:
    return Pictures(
        images={keys[place]: png_url(pixels[place]) for place in exhibit.images},
        mean=png_url(exhibit.mean),
        rest=None if exhibit.rest is None else png_url(exhibit.rest),
        feature=png_url(exhibit.feature),
    )


def _box(box: NDArray[np.int64]) -> Box:
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom
