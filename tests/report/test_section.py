"""A section is a folder: the one of docs/extend/section.md is found and shown; what is incomplete is refused."""

import base64
import hashlib
import re
import sys
from dataclasses import replace

import pytest
from pypdf import PdfReader

from tests.conftest import REPOSITORY
from tests.documents.pages import blocks
from tests.findings import made_up
from tests.report.contents import small_report
from xaisigns.base import texts
from xaisigns.base.language import languages
from xaisigns.errors import LanguageError, OutputError, PluginError
from xaisigns.report import section as registry
from xaisigns.report import sections as folders
from xaisigns.report.html import html_report
from xaisigns.report.pdf import pdf_report
from xaisigns.report.section import WORDS, Section, register_section, sections
from xaisigns.report.sections.audit import Audit
from xaisigns.report.sections.change import Change

FILES = ("__init__.py", "section.typ", "section.html.j2", "en.toml", "de.toml")
BUILT_IN = [
    *("front", "audit", "change", "reading", "summary", "scores", "classes", "rules", "conservation", "reproduction")
]


def of_the_document():
    """The files of the document's section, by name."""
    told = blocks(REPOSITORY / "docs/extend/section.md")
    return dict(zip(FILES, (block.text for block in told), strict=True))


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Puts a folder of files among the sections, or into a package of one's own."""
    monkeypatch.setattr(registry._registered, "_things", {})
    monkeypatch.setattr(folders, "__path__", [*folders.__path__, str(tmp_path / "sections")])
    monkeypatch.syspath_prepend(tmp_path)

    def putting(files, name="class_counts", where="sections"):
        folder = tmp_path / where / name
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")

    texts._table.cache_clear()
    yield putting
    texts._table.cache_clear()
    for name in [name for name in sys.modules if name.startswith((f"{folders.__name__}.class_counts", "mine"))]:
        del sys.modules[name]


def found(name="class_counts"):
    return next(one for one in sections() if one.name == name)


def shown(language="en"):
    return small_report(language=language, more=(found()(counts=(10, 1234, 0)),))


def pdf_of(content, tmp_path):
    (tmp_path / "report.pdf").write_bytes(pdf_report(content))
    return PdfReader(tmp_path / "report.pdf")


def test_the_sections_of_a_report_stand_in_their_order():
    assert [one.name for one in sections()] == BUILT_IN
    more = (Audit(made_up(names="abc")), Change("before", "lrp", None, (), ()))
    assert [one.name for one in small_report(more=more).sections] == BUILT_IN


@pytest.mark.parametrize(("language", "heading"), [("en", "Images by class"), ("de", "Bilder nach Klassen")])
def test_the_documents_section_is_in_both_outputs(language, heading, put, tmp_path):
    put(of_the_document())
    assert [one.name for one in sections()] == [*BUILT_IN[:6], "class_counts", *BUILT_IN[6:]]
    page = html_report(shown(language)).decode()
    assert f'<li><a href="#class_counts">{heading}</a></li>' in page
    assert re.search(rf'<section id="class_counts">\s*<h2>{heading}</h2>', page)
    assert {"en": "1,234", "de": "1\u202f234"}[language] in page
    reader = pdf_of(shown(language), tmp_path)
    assert heading in [one.title for one in reader.outline if not isinstance(one, list)]
    text = next(page.extract_text() for page in reader.pages[2:] if heading in page.extract_text())
    assert "Überholverbot" in text
    assert "<script>alert(1)</script>" in text


def test_it_is_one_of_a_package_that_registers_it(put):
    put(of_the_document(), where="mine")
    from mine.class_counts import ClassCounts

    assert [one.name for one in sections()] == BUILT_IN
    register_section(ClassCounts)
    assert [one.name for one in sections()] == [*BUILT_IN[:6], "class_counts", *BUILT_IN[6:]]
    assert "Images by class" in html_report(shown()).decode()
    with pytest.raises(PluginError, match="there is a section 'class_counts' already"):
        register_section(ClassCounts)


def test_a_name_of_ours_is_taken(put):
    put(of_the_document(), "summary", "mine")
    from mine.summary import ClassCounts

    with pytest.raises(PluginError, match="there is a section 'summary' already; choose another name"):
        register_section(ClassCounts)


def test_its_style_and_script_are_in_the_page_and_may_run(put):
    put({**of_the_document(), "section.css": "#class_counts { color: red; }", "section.js": "counted();"})
    page = html_report(shown()).decode()
    script = re.search(r"<script>(.*)</script>", page, re.DOTALL)[1]
    assert script.endswith("counted();")
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in page
    assert "#class_counts { color: red; }" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"section.typ": ""}, r"'class_counts' has no section.typ; put one into the folder of xaisigns\.report"),
        ({"section.html.j2": ""}, r"'class_counts' has no section.html.j2"),
        ({"__init__.py": ""}, r"class_counts wants one subclass of Section in its __init__.py, got 0"),
        ({"__init__.py": of_the_document()["__init__.py"].replace("order = 35", "more = 35")}, "order = 35"),
    ],
)
def test_what_is_incomplete_is_refused_by_name(changes, message, put):
    put({**of_the_document(), **changes})
    with pytest.raises(PluginError, match=message):
        sections()


def test_a_text_that_is_missing_is_an_error(put):
    told = of_the_document()["en.toml"].splitlines()
    put({**of_the_document(), "en.toml": "\n".join(told[1:]), "de.toml": told[0]})
    for make in (html_report, pdf_report):
        with pytest.raises(LanguageError, match=r"no text report\.class_counts\.heading; add it to its catalogue"):
            make(shown("en"))
    with pytest.raises(OutputError, match=r"'class_counts' cannot be shown as HTML: .* has no attribute 'note'"):
        html_report(shown("de"))
    with pytest.raises(OutputError, match=r'the PDF could not be set: dictionary does not contain key "note"'):
        pdf_report(shown("de"))


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.name)
def test_both_languages_have_every_text_with_the_same_blanks(section):
    for room in (section.texts, WORDS):
        english, *others = (room.all(language) for language in ("en", *sorted({*languages()} - {"en"})))
        for other in others:
            assert other.keys() == english.keys()
            for key, text in english.items():
                assert sorted(re.findall(r"{\w+}", other[key])) == sorted(re.findall(r"{\w+}", text)), key


def test_a_section_is_told_the_same_twice():
    content = small_report()
    assert [one.tell(content) for one in content.sections] == [one.tell(replace(content)) for one in content.sections]


def test_what_a_section_need_not_have():
    class Plain(Section):
        order = 1

    assert Plain().columns() == set()
    assert (Plain().entries(small_report()), list(Plain().grids(small_report()))) == ((), [])
    assert Plain().charts({}, "en") == {}
