"""An audit in words: one sentence for each finding that everybody understands, and the numbers behind it."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from xaisigns.audit.findings import Findings, ToldFinding, ToldRate, ToldTransplant
from xaisigns.base.language import Language
from xaisigns.base.numbers import percent, whole, written
from xaisigns.base.texts import Texts

WORDS = Texts("audit")
# What flips are compared with, the strongest argument first.
CONTROLS = ("reference", "others", "elsewhere")
_LEAST_SHOWN = 5  # classes
_SURE = 0.5  # of a resample's verdicts, from which on they say that nothing was found


class RateRow(NamedTuple):
    """What was measured, as people read it; a control says what to compare it with."""

    label: str
    rate: ToldRate
    control: bool


class RateGroup(NamedTuple):
    """Rows of one question."""

    title: str
    rows: tuple[RateRow, ...]


def sentence(found: ToldFinding, name: str, language: Language) -> str | None:
    """What was found about the class of that name; None where nothing was."""
    if found.verdict == "shortcut" and found.transplant:
        return _shortcut(found.transplant, name, language)
    collapse = _collapse(found.unseen.right, name, language) if found.unseen and found.unseen.collapsed else None
    if found.verdict == "suspect" and found.suspect:
        part, of = (whole(count, language) for count in (len(found.suspect.images), found.suspect.count))
        told = WORDS("suspect_told", language, name=name, part=part, of=of)
        return " ".join(filter(None, (told, _unproven(found.transplant, name, language), collapse)))
    return collapse if found.verdict == "unseen" else None


def title(found: ToldFinding, name: str, language: Language) -> str:
    """The class and the verdict on it."""
    return WORDS("title", language, name=name, id=found.id, verdict=verdict_text(found, language))


def verdict_text(found: ToldFinding, language: Language) -> str:
    """The verdict; that there is none where nothing was tried, or where images turn and no control tells why."""
    return WORDS(_unjudged(found) or found.verdict, language)


def confidence_text(found: ToldFinding, language: Language) -> str:
    """How sure the verdict is; a dash where there is none."""
    return "–" if _unjudged(found) else written(f"{found.confidence:.2f}", language)


def _unjudged(found: ToldFinding) -> Literal["untried", "open"] | None:
    """Why "nothing" is no verdict on a class."""
    if found.verdict != "nothing":
        return None
    if found.transplant is None:
        return "untried"
    # What others of the class have in its place is a control for a part that stands out, which has a verdict.
    return "open" if found.transplant.reference is None and found.confidence < _SURE else None


def _shortcut(transplant: ToldTransplant, name: str, language: Language) -> str:
    once = WORDS(f"once_{transplant.carrier}", language)
    told = WORDS("shortcut_told", language, name=name, share=percent(transplant.flips.share, language), once=once)
    control = next((key for key in CONTROLS if getattr(transplant, key)), None)
    if control is None:
        return told
    share = percent(getattr(transplant, control).share, language)
    return f"{told} {WORDS(f'{control}_told', language, share=share)}"


def _collapse(right: ToldRate, name: str, language: Language) -> str:
    hits, count = whole(right.hits, language), whole(right.count, language)
    return WORDS("unseen_told", language, name=name, right=hits, count=count)


def _unproven(transplant: ToldTransplant | None, name: str, language: Language) -> str:
    if transplant is None:
        return WORDS("untested_told", language)
    return WORDS("unproven_told", language, name=name, share=percent(transplant.flips.share, language))


def rate_text(rate: ToldRate | None, language: Language) -> str:
    """A share with its 95% interval; a dash where nothing was measured."""
    return f"{percent(rate.share, language)} ({interval_text(rate, language)})" if rate else "–"


def interval_text(rate: ToldRate, language: Language) -> str:
    """The 95% interval of a share."""
    low, high = rate.interval
    return WORDS("interval", language, low=written(f"{100 * low:.1f}", language), high=percent(high, language))


def images_text(found: ToldFinding, language: Language) -> str:
    """How many of the class's images carry the feature."""
    if found.suspect is None:
        return "–"
    part, of = (whole(count, language) for count in (len(found.suspect.images), found.suspect.count))
    return WORDS("part_of", language, part=part, of=of)


def rate_groups(found: ToldFinding, language: Language) -> list[RateGroup]:
    """All that was measured about a class: what the feature does to others, what its removal does, and what is left."""
    transplant, removal, unseen = found.transplant, found.removal, found.unseen
    flips = {"flips": transplant.flips, **{key: getattr(transplant, key) for key in CONTROLS}} if transplant else {}
    measured: dict[str, dict[str, ToldRate | None]] = {
        "becomes": flips,
        "loses": {"filled": removal.suspect, "filled_elsewhere": removal.control} if removal else {},
        "keeps": {"unseen_right": unseen.right} if unseen else {},
    }
    groups = []
    for title, rates in measured.items():
        rows = [
            RateRow(WORDS(f"row_{key}", language), rate, key in (*CONTROLS, "filled_elsewhere"))
            for key, rate in rates.items()
            if rate
        ]
        if rows:
            groups.append(RateGroup(WORDS(title, language), tuple(rows)))
    return groups


def table_row(found: ToldFinding, name: str, language: Language) -> list[list[str]]:
    """The cells of a table for people, by lines: class, verdict, confidence, flips, controls, images."""
    transplant = found.transplant
    controls = {key: getattr(transplant, key, None) for key in CONTROLS}
    compared = [
        f"{rate_text(rate, language)} {WORDS(f'short_{key}', language)}" for key, rate in controls.items() if rate
    ]
    return [
        [f"{found.id} {name}"],
        [verdict_text(found, language)],
        [confidence_text(found, language)],
        [rate_text(transplant.flips if transplant else None, language)],
        compared or ["–"],
        [images_text(found, language)],
    ]


def shown_findings(findings: Findings) -> list[ToldFinding]:
    """What a table shows of the ranked classes: the first five, and all others that anything was found about."""
    ranked = enumerate(findings.findings)
    return [one for place, one in ranked if place < _LEAST_SHOWN or one.verdict != "nothing"]


def summary(findings: Findings, names: Mapping[int, str], language: Language) -> str | None:
    """The first finding in its sentence; None where there is none."""
    told = (sentence(found, names[found.id], language) for found in findings.findings)
    return next(filter(None, told), None)


def nothing_text(findings: Findings, language: Language) -> str:
    """That nothing was found; or that nothing could be, for want of a control that proves something."""
    transplants = [found.transplant for found in findings.findings if found.transplant]
    proves = any(transplant.reference for transplant in transplants)
    return WORDS("nothing_told" if proves else "ranked_told", language)


def limit_text(limit: str, language: Language) -> str:
    """What an audit cannot tell, by its key."""
    return WORDS(f"limit_{limit}", language)
