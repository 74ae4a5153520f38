"""The HTML file: everything inside, nothing evaluated, the same bytes each time; whole or not there."""

import base64
import hashlib
import io
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tests.model.disk import largest_file
from tests.report.contents import LONG, MARKUP, METHODS, bare_report, example, halves, heatmaps, photo, small_report
from xaisigns.errors import OutputError
from xaisigns.report.html import HTML_MARK, write_html
from xaisigns.report.sections.classes.shown_class import ShownClass

VOID = {"input", "meta", "br"}


class Page(HTMLParser):
    """Text and tags of a page; elements that are not closed in their order are an error."""

    def __init__(self, source):
        super().__init__()
        self.text, self.tags, self.open = "", [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def values(self, tag, attribute):
        return [found[attribute] for name, found in self.tags if name == tag and attribute in found]


def page(content, tmp_path):
    write_html(content, tmp_path / "report.html")
    return Page((tmp_path / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("html") / "report.html"
    write_html(small_report(), path)
    return path


@pytest.fixture
def source(small):
    return small.read_text(encoding="utf-8")


def test_text_is_as_it_was_given(source):
    text = " ".join(Page(source).text.split())
    for wanted in ("Worauf das Netz schaut", "85,00 %", "1. März 2026", MARKUP, LONG, "Das Netz hat „Aufkleber = 70“"):
        assert " ".join(wanted.split()) in text
    assert "Von dieser Klasse gibt es keine Beispiele." in text
    assert "<script>alert" not in source


def test_english(tmp_path):
    found = page(small_report(language="en"), tmp_path)
    assert found.values("html", "lang") == ["en"]
    assert "How to read a heatmap" in found.text


def test_the_keys_are_told_and_no_object_of_python(source):
    assert "Tasten: / sucht, j und k gehen" in source
    assert not re.search("object at 0x|built-in", source)


def test_nothing_outside_is_named_and_nothing_but_our_script_may_run(source):
    found = Page(source)
    assert not re.findall(r"https?:|url\((?!data:image/webp;base64,)", source)
    for tag in ("link", "img", "iframe", "object"):
        assert tag not in {name for name, _ in found.tags}
    assert all(link.startswith("#") for link in found.values("a", "href"))
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    policy = next(value for value in found.values("meta", "content") if "default-src" in value)
    script = re.search(r"<script>(.*)</script>", source, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_every_link_has_a_place_and_every_picture_a_text(source):
    found = Page(source)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in found.values("a", "href")} <= set(ids)
    assert {f"class-{number}" for number in range(3)} <= set(ids)
    tiles = [attributes for _, attributes in found.tags if attributes.get("role") == "img"]
    assert len(tiles) == 6 * 3 + 5
    assert all(tile["aria-label"] for tile in tiles)


def test_a_class_has_one_sprite_with_its_tiles_in_rows(source):
    uri = re.search(
        r"\.class-0::before, \.class-0::after { background-image: url\(data:image/webp;base64,(\S+)\)", source
    )
    sprite = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri[1]))))
    assert sprite.shape == (5 * 16, 3 * 16, 3)
    np.testing.assert_array_equal(sprite[:16, :16], photo())
    assert (sprite[:, 16:24] == (255, 0, 0)).all()
    assert (sprite[:, 24:32] == (0, 0, 255)).all()
    assert (sprite[:, 32:] == 255).all()
    assert source.count("data:image/webp") == 3  # two classes with examples and a highlight


def test_the_same_content_gives_the_same_bytes(small, tmp_path):
    write_html(small_report(), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == small.read_bytes()


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_report_of_almost_nothing(language, tmp_path):
    text = page(bare_report(language=language), tmp_path).text
    assert {"de": "Keine Testbilder", "en": "No test images"}[language] in text
    assert {"de": "keine Kennzahlen", "en": "No scores"}[language] in text


@pytest.mark.parametrize("name", ["", "\x00", "\ud800", '" onclick="x', "</style></script>", "{% raise %}", "'}", "停"])
def test_every_class_name_stays_text(name, tmp_path):
    content = small_report(names={**small_report().names, 0: name}, model=name, finding=name)
    found = page(content, tmp_path)
    assert len(found.values("section", "id")) == len(page(small_report(), tmp_path).values("section", "id"))
    if name.isprintable():
        assert name in found.text


def test_images_and_heatmaps_of_different_sizes(tmp_path):
    examples = (example(), example(image=photo(0, 50, 70)), example(heatmaps=heatmaps(8)), example(heatmaps={}))
    content = small_report(classes=(ShownClass(0, examples),))
    assert page(content, tmp_path).text.count("erkannt als Überholverbot, 98,7") == 4


@pytest.mark.parametrize("count", [0, 1, 14])
def test_any_number_of_methods(count, tmp_path):
    methods = tuple(replace(METHODS[0], key=str(number), label=f"Methode {number}") for number in range(count))
    one = example(heatmaps={method.key: halves() for method in methods})
    content = small_report(methods=methods, classes=(ShownClass(0, (one,)),), highlights=(), scores={})
    found = page(content, tmp_path)
    assert sum(attributes.get("role") == "img" for _, attributes in found.tags) == 1 + count


def test_a_folder_that_is_missing_is_made(tmp_path):
    write_html(bare_report(), tmp_path / "a" / "b" / "report.html")
    assert (tmp_path / "a" / "b" / "report.html").is_file()


def test_a_full_disk_leaves_the_old_report(tmp_path):
    path = tmp_path / "report.html"
    path.write_bytes(HTML_MARK)
    with largest_file(2000), pytest.raises(OutputError, match=r"cannot write .*report\.html: "):
        write_html(small_report(), path)
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    assert path.read_bytes() == HTML_MARK


def test_what_is_missing_is_named_with_the_way_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(OutputError, match=r"pip install 'xaisigns\[report\]'"):
        write_html(small_report(), tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []
