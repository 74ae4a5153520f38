"""The audit's section in words, and as it stands in PDF and HTML."""

import base64
import io
import re
from html import unescape

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from tests.findings import made_up
from tests.report.contents import MARKUP, NAMES, small_report, told
from xaisigns.audit.wording import rate_groups
from xaisigns.errors import ShapeError
from xaisigns.report.html import html_report
from xaisigns.report.pdf import pdf_report
from xaisigns.report.sections.audit import Audit

FOUND = made_up(names=("a", "b", "c"))


def audited(found=FOUND, **changes):
    return small_report(more=(Audit(found),), **changes)


def test_the_section_in_german():
    told_of = told(Audit, audited())
    assert (
        told_of["about"] == "Geprüft ohne Hinweis, wonach zu suchen ist: 18 Trainingsbilder. Vergleichsmodell: clean."
    )
    shortcut, lost, suspicion = told_of["findings"]
    assert shortcut["title"] == "Überholverbot (0): Abkürzung"
    assert shortcut["sentence"].startswith(
        "Von Bildern, die etwas anderes zeigen, hält das Netz 46,0\u202f% für „Überhol"
    )
    assert [row["count"] for row in shortcut["pictures"]] == [2, 2, 3, 6, 6, 6]
    assert lost["pictures"] == []
    assert suspicion["title"].endswith(": Verdacht, nicht bewiesen")
    assert told_of["rows"][0]["rates"][0] == {"share": "46,0\u202f%", "interval": "36,6 bis 55,7\u202f%"}
    assert told_of["rows"][1]["rates"][:4] == [None] * 4
    assert told_of["nothing"] is None
    assert told_of["limits"][0].startswith("Eine Klasse, bei der jedes Bild das Merkmal hat")


def test_the_section_in_english_without_a_reference():
    told_of = told(Audit, audited(made_up(names=("a", "b", "c"), reference=None), language="en"))
    assert (
        told_of["about"]
        == "Audited without being told what to look for: 18 training images. There was no reference model."
    )
    assert told_of["findings"][0]["groups"][0]["title"] == "Images of other classes that become this class"
    unnamed = FOUND.reference.model_copy(update={"name": None})
    told_of = told(Audit, audited(made_up(names=("a", "b", "c"), reference=unnamed), language="en"))
    assert told_of["about"].endswith("Reference model: one that has no name.")


def test_where_nothing_was_found_that_is_said():
    nothing = tuple(one.model_copy(update={"verdict": "nothing"}) for one in FOUND.findings)
    told_of = told(Audit, audited(made_up(names=("a", "b", "c"), findings=nothing), language="en"))
    assert (told_of["nothing"], told_of["findings"]) == ("No class was found that the network knows by a shortcut.", [])
    assert len(told_of["rows"]) == 3


def test_bars_are_the_rates():
    groups = told(Audit, audited())["findings"][0]["groups"]
    rows = [row for group in groups for row in group["rows"]]
    rates = [row.rate for group in rate_groups(FOUND.findings[0], "de") for row in group.rows]
    assert [(row["bar"]["value"], row["bar"]["low"], row["bar"]["high"]) for row in rows] == [
        (rate.share, *rate.interval) for rate in rates
    ]


def test_a_finding_about_a_class_that_the_report_does_not_have_is_refused():
    with pytest.raises(ShapeError, match="class 3 is used, and the report does not have it"):
        audited(made_up())


def flat(text):
    return re.sub(r"\s+", " ", text.replace("\u00ad", "").replace("-\n", "")).replace("\u202f", " ")


@pytest.mark.parametrize(("language", "heading"), [("de", "Prüfung"), ("en", "Audit")])
def test_the_pdf_has_all_of_it_behind_the_title(language, heading, tmp_path):
    report = audited(language=language)
    reader = PdfReader(io.BytesIO(pdf_report(report)))
    assert reader.outline[0].title == heading
    pages = [flat(page.extract_text()) for page in reader.pages]
    section = " ".join(
        pages[
            2 : reader.get_destination_page_number(reader.outline[1 if not isinstance(reader.outline[1], list) else 2])
        ]
    )
    told_of = told(Audit, report)
    for found in told_of["findings"]:
        assert flat(found["title"]) in section
        assert flat(found["sentence"]).split(" once ")[0][:60] in section
        for row in found["pictures"]:
            assert flat(row["label"])[:20] in section
    for limit in told_of["limits"]:
        assert flat(limit)[:60] in section
    assert MARKUP in section


def test_html_has_all_of_it_and_every_picture():
    report = audited(language="en")
    page = html_report(report).decode()
    told_of = told(Audit, report)
    shown = unescape(re.sub(r"<[^>]+>", "", page))
    for found in told_of["findings"]:
        assert found["title"] in shown
        assert found["sentence"] in shown
    sprites = dict(re.findall(r"\.(audit-\d+-\d+)::before.*?url\(data:image/webp;base64,([^)]*)\)", page))
    assert set(sprites) == {
        f"audit-{one['id']}-{row}" for one in told_of["findings"] for row in range(len(one["pictures"]))
    }
    patches = np.asarray(Image.open(io.BytesIO(base64.b64decode(sprites["audit-0-0"]))).convert("RGB"))
    first = FOUND.findings[0].patch(FOUND.findings[0].transplant.patches[0])
    np.testing.assert_array_equal(patches[:128, :128], np.asarray(Image.fromarray(first).resize((128, 128), 0)))
    assert "<script>alert" not in page
    assert NAMES[1] in shown
