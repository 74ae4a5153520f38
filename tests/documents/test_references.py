"""What the documents point at is there: files, sections, sources. And what there is, something points at."""

import re

import pytest

from tests.conftest import REPOSITORY
from tests.documents.pages import PAGES, command_lines

MARKDOWN = {
    path.relative_to(REPOSITORY).as_posix(): path
    for pattern in ("*.md", ".github/**/*.md", "docs/**/*.md", "weights/*.md")
    for path in sorted(REPOSITORY.glob(pattern))
}
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_WISH = re.compile(
    r"^\| (?!I want)[^|]+ \| `((?:xaisigns|jupyter) [^`]+)` \| \[[^]]+\]\(([^)#]*)\S*\) \|$", re.MULTILINE
)
_KEY = re.compile(r"\b[a-z]+\d{4}[a-z]+\b")


@pytest.mark.parametrize("name", MARKDOWN)
def test_every_link_leads_somewhere(name):
    lost = []
    for link in _links(name):
        path, _, section = link.partition("#")
        target = (MARKDOWN[name].parent / path).resolve() if path else MARKDOWN[name]
        if not target.exists() or (section and section not in _sections(target)):
            lost.append(link)
    assert lost == []


def test_the_readme_leads_to_every_page():
    assert set(PAGES) - set(_links("README.md")) == {"README.md"}


def test_what_one_wants_to_do_is_done_on_the_page_that_tells_more():
    wishes = _WISH.findall(PAGES["README.md"].read_text(encoding="utf-8"))
    assert len(wishes) >= 12
    for command, page in wishes:
        assert command in command_lines(PAGES[page or "README.md"]), command


def test_contributing_leads_to_every_recipe():
    recipes = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "docs/extend").glob("*.md")}
    assert {link for link in _links("CONTRIBUTING.md") if link.startswith("docs/extend/")} == recipes


def test_every_picture_is_shown():
    folder = REPOSITORY / "docs/images"
    shown = {(page.parent / link).resolve() for name, page in PAGES.items() for link in _links(name)}
    assert sorted(path.name for path in folder.iterdir() if path not in shown) == []


def test_every_source_is_cited_and_every_citation_has_its_source():
    entries = re.findall(
        r"^@\w+\{(\w+),", (REPOSITORY / "docs/references.bib").read_text(encoding="utf-8"), re.MULTILINE
    )
    texts = [*PAGES.values(), *(REPOSITORY / "xaisigns").rglob("*.py")]
    cited = {key for path in texts for key in _KEY.findall(path.read_text(encoding="utf-8"))}
    assert sorted(entries) == sorted(cited)


def _links(name):
    text = MARKDOWN[name].read_text(encoding="utf-8")
    return [link for link in _LINK.findall(text) if not link.startswith(("http:", "https:"))]


def _sections(page):
    """The anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
