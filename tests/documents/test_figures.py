"""A figure that stands in several documents is the same in all of them."""

import re

import pytest

from tests.conftest import REPOSITORY
from tests.documents.pages import PAGES
from xaisigns.audit import unseen, verdict

SCORES = "docs/scores.md"
# An accuracy in per cent with its interval, which tells whose it is.
ACCURACY = re.compile(r"(\d+\.\d+)%[^|()]{0,60}\((?:95% interval )?(\d+\.\d+) to (\d+\.\d+)\)")
UNSHIPPED = re.compile(r"\b(DESIGN|STYLE)\b")


def text(page):
    return PAGES[page].read_text(encoding="utf-8")


def score_rows(page):
    """The rows of the tables of scores by method, and their heads."""
    rows, head = {}, None
    for line in text(page).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if "flipping area" in cells:
            head = cells
        elif not line.startswith("|"):
            head = None
        elif head and not line.startswith("|---"):
            rows[cells[0]] = dict(zip(head, cells, strict=True))
    return rows


@pytest.mark.parametrize("page", [page for page in PAGES if page != SCORES and "flipping area |" in text(page)])
def test_rows_of_scores_are_those_of_the_scores(page):
    found, known = score_rows(page), score_rows(SCORES)
    assert len(found) >= 2
    assert found == {method: known.get(method) for method in found}


def test_the_row_that_is_explained_is_explained_with_its_own_figures():
    row = score_rows("docs/metrics.md")["`lrp:epsilon_gamma_box`"]
    explained = re.findall(r"^- \*\*(.*?)\*\*:", text("docs/metrics.md"), re.MULTILINE)
    values = [re.fullmatch(r"([\d.°]+) (\(.*\))", cell).groups() for cell in list(row.values())[1:]]
    assert explained == [values[0][0], values[0][1], *(value for value, _ in values[1:])]


def test_an_accuracy_has_the_same_interval_wherever_it_stands():
    by_value, by_interval, places = {}, {}, {}
    for page in PAGES:
        for value, low, high in ACCURACY.findall(" ".join(text(page).split())):
            by_value.setdefault(value, set()).add((low, high))
            by_interval.setdefault((low, high), set()).add(value)
            places.setdefault(value, set()).add(page)
    assert {value for value, pages in places.items() if len(pages) > 1} >= {"99.58", "99.79"}
    assert {key: found for key, found in by_value.items() if len(found) > 1} == {}
    assert {key: found for key, found in by_interval.items() if len(found) > 1} == {}


def test_what_is_said_of_the_scores_is_what_the_table_has():
    rows, said = score_rows(SCORES), " ".join(text(SCORES).split())
    told = re.search(
        r"its rules put (0\.\d+) .* best composite (0\.\d+); the area of pixel flipping is .* and (0\.\d+)\.", said
    )
    default = rows["`lrp:epsilon_gamma_box:gamma=0.05`"]
    assert default["… grown by 2 px"].startswith(told[2])
    assert default["flipping area"].startswith(told[3])
    area = re.search(r"sticker covers (\d+\.\d)% of the image, grown by 2 pixels (\d+\.\d)%", said)
    assert f"sticker {area[1]}% of the area, grown by 2 px {area[2]}%" in " ".join(text("README.md").split())
    uniform = rows["*uniform* (control)"]
    assert [f"{float(uniform[key].split()[0]):.1%}" for key in ("relevance mass", "… grown by 2 px")] == [
        f"{share}%" for share in area.groups()
    ]


def test_the_package_cites_no_document_that_is_not_shipped():
    for path in (REPOSITORY / "xaisigns").rglob("*.py"):
        assert not UNSHIPPED.search(path.read_text(encoding="utf-8")), path


def test_the_rule_of_the_audit_is_that_of_the_code():
    said = " ".join(text("docs/audit.md").split())
    assert f"by patch of at most {verdict.LEVEL:g} after Holm's correction" in said
    assert f"by at least {verdict.EFFECT:g} more than each control" in said
    assert f"or at least {verdict.APART:g} more where it is of a part of the class that stands out" in said
    assert f"stands out at least {verdict.SEPARATED:g} times as far as, in the median" in said
    assert f"Holm over the classes, {unseen._LEVEL:g}), and" in said
    assert (unseen._LOST, "is below half of the other classes' accuracy" in said) == (0.5, True)
