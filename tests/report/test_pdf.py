"""The PDF as readers and their programs get it: text, outline, links, tags, colours; whole or not there."""

import re
import subprocess
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pypdfium2
import pytest
from PIL import Image
from pypdf import PdfReader

from tests.model.disk import largest_file
from tests.report.contents import LONG, MARKUP, METHODS, bare_report, example, halves, heatmaps, photo, small_report
from xaisigns.errors import OutputError
from xaisigns.report import pdf
from xaisigns.report.evaluation import ClassAccuracy, Evaluation
from xaisigns.report.pdf import PDF_MARK, write_pdf
from xaisigns.report.sections.classes.shown_class import Example, ShownClass
from xaisigns.report.sections.rules import RuleRow

IMAGE = 3  # FPDF_PAGEOBJ_IMAGE


@pytest.fixture(autouse=True)
def _no_date(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    write_pdf(small_report(), path)
    return path


@pytest.fixture
def reader(small):
    return PdfReader(small)


def text(reader):
    """On one line, hyphenated words whole, without the spaces that a reader cannot see."""
    pages = " ".join(page.extract_text() for page in reader.pages)
    return re.sub(r"\s+", " ", pages.replace("\u00ad", "").replace("-\n", "")).replace("\u202f", " ")


def written(content, tmp_path):
    write_pdf(content, tmp_path / "report.pdf")
    return PdfReader(tmp_path / "report.pdf")


def titles(outline):
    return [title for one in outline for title in (titles(one) if isinstance(one, list) else [one.title])]


def entries(node):
    """All structure elements below a node of the tag tree."""
    node = node.get_object()
    if isinstance(node, list):
        return [found for kid in node for found in entries(kid)]
    if not isinstance(node, dict):
        return []
    return [node, *(entries(node["/K"]) if "/K" in node else [])]


def images(page):
    """Each image of a page as (left, bottom, right, top) in points."""
    return [one.get_bounds() for one in page.get_objects() if one.type == IMAGE]


def rendered(page, bounds, dpi=150):
    scale = dpi / 72
    pixels = np.asarray(page.render(scale=scale).to_pil().convert("RGB")).astype(int)
    left, bottom, right, top = (round(value * scale) for value in bounds)
    return pixels[len(pixels) - top : len(pixels) - bottom, left:right]


def test_text_is_as_it_was_given(reader):
    shown = text(reader)
    for wanted in (
        "Worauf das Netz schaut",
        "85,00 %",
        "1. März 2026",
        "Überholverbot",
        "Das Netz hat „Aufkleber = 70“",
    ):
        assert wanted in shown
    assert MARKUP.replace(" ", "") in shown.replace(" ", "")
    assert LONG.replace(" ", "") in shown.replace(" ", "")
    assert "Von dieser Klasse gibt es keine Beispiele." in shown
    assert "xaisigns report gtsrb --out a.pdf" in shown


def test_long_names_of_layers_leave_room_for_the_other_columns(tmp_path):
    types = "AdaptiveAvgPool2d, Conv2d, SiLU, Sigmoid"
    rules = (RuleRow("features.1.0.block.1.avgpool … scale_activation", types, "", {}, "gate"),)
    pages = [page.extract_text() for page in written(small_report(rules=rules), tmp_path).pages]
    assert any("Parameter Bestimmt durch Zuvor geändert" in re.sub(r"\s+", " ", page) for page in pages)


def test_english(tmp_path):
    shown = text(written(small_report(language="en"), tmp_path))
    for wanted in ("What the network looks at", "85.00%", "1 March 2026", "How to read a heatmap", "Page 2 of"):
        assert wanted in shown


def test_outline_and_contents_lead_to_every_class(reader):
    wanted = [
        "So liest man eine Heatmap",
        "Überblick",
        "Die Klassen",
        "Anhang: Einstellungen der LRP",
        "Zum Nachrechnen",
    ]
    found = [re.sub(r"\s+", " ", title) for title in titles(reader.outline)]
    assert [title for title in found if title in wanted] == wanted
    assert [title for title in found if re.match(r"\d ", title)] == ["0 Überholverbot", f"1 {MARKUP}", f"2 {LONG}"]
    links = [note.get_object() for note in reader.pages[1]["/Annots"]]
    assert len(links) >= len(found)
    assert {link["/Subtype"] for link in links} == {"/Link"}


@pytest.mark.parametrize(("classes", "page"), [(3, 1), (30, 2)])
def test_short_contents_share_their_page(tmp_path, classes, page):
    accuracies = tuple(ClassAccuracy(class_id, 10, 0.8) for class_id in range(classes))
    content = small_report(
        names={class_id: f"Klasse {class_id}" for class_id in range(classes)},
        evaluation=Evaluation(10 * classes, 0.8, (0.7, 0.9), accuracies, 8 * np.eye(classes, dtype=int)),
        classes=tuple(map(ShownClass, range(classes))),
    )
    pages = [one.extract_text() for one in written(content, tmp_path).pages]
    assert "Inhalt" in pages[1]
    assert [number for number, text in enumerate(pages) if "Rot spricht" in text] == [page]


def test_the_file_is_tagged_and_says_its_language_and_standard(reader):
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "de"
    assert "Worauf das Netz schaut" in reader.metadata.title
    assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()
    figures = [entry for entry in entries(root["/StructTreeRoot"]["/K"]) if entry.get("/S") == "/Figure"]
    # The images and heatmaps of 5 examples and a mean, 2 + 3 pictures of the highlight, and 2 charts.
    assert len(figures) == 6 * 3 + 5 + 2
    assert all(figure["/Alt"] for figure in figures)
    for wanted in ("Bild: Überholverbot. Typisch, erkannt", "Heatmap, LRP ε-γ: Überholverbot. Mit Aufkleber, erkannt"):
        assert sum(figure["/Alt"].startswith(wanted) for figure in figures) == 1


def test_a_class_begins_a_page(reader):
    first, second = (
        next(number for number, page in enumerate(reader.pages) if wanted in page.extract_text())
        for wanted in ("10 Testbilder, 80,0", "10 Testbilder, 90,0")
    )
    assert second == first + 1


@pytest.mark.parametrize("dpi", [150, 300])
def test_a_known_tile_has_its_colours_and_is_crisp(small, dpi):
    document = pypdfium2.PdfDocument(small)
    page = next(
        page for page in document if "Typisch" in page.get_textpage().get_text_range() and len(images(page)) == 15
    )
    # From the top left: image, LRP, saliency.
    first = sorted(images(page), key=lambda box: (-round(box[3]), box[0]))[:3]
    heatmap, nothing = rendered(page, first[1], dpi), rendered(page, first[2], dpi)
    middle = heatmap.shape[1] // 2
    assert (heatmap[4:-4, 4 : middle - 2] == (255, 0, 0)).all()
    assert (heatmap[4:-4, middle + 2 : -4] == (0, 0, 255)).all()
    assert (nothing[4:-4, 4:-4] == 255).all()


@pytest.mark.needs("poppler")
def test_poppler_keeps_a_tile_of_64_pixels_crisp(tmp_path):
    """It smooths what it magnifies less than fourfold; of a heatmap's pixel, that is a part only."""
    content = small_report(classes=(ShownClass(0, (example(heatmaps=heatmaps(64)),)),), highlights=())
    write_pdf(content, tmp_path / "report.pdf")
    document = pypdfium2.PdfDocument(tmp_path / "report.pdf")
    number = next(number for number, page in enumerate(document) if len(images(page)) == 3)
    left, bottom, right, top = (value * 300 / 72 for value in sorted(images(document[number]))[1])
    subprocess.run(
        ["pdftoppm", "-r", "300", "-f", str(number + 1), "-singlefile", "-png", "report.pdf", "page"],
        cwd=tmp_path,
        check=True,
    )
    pixels = np.asarray(Image.open(tmp_path / "page.png").convert("RGB")).astype(int)
    row = pixels[len(pixels) - round((top + bottom) / 2), round(left) + 4 : round(right) - 4]
    between = [colour for colour in row.tolist() if colour not in ([255, 0, 0], [0, 0, 255])]
    assert len(row) > 200
    assert len(between) <= 2


def test_the_photo_is_in_its_place(tmp_path):
    flat = np.full((40, 30, 3), (10, 200, 30), np.uint8)
    write_pdf(small_report(classes=(ShownClass(0, (example(image=flat),)),), highlights=()), tmp_path / "report.pdf")
    page = next(page for page in pypdfium2.PdfDocument(tmp_path / "report.pdf") if len(images(page)) == 3)
    tile = rendered(page, min(images(page)))
    np.testing.assert_allclose(tile[4:-4, 4:-4].mean(axis=(0, 1)), (10, 200, 30), atol=2)


def test_a_row_is_never_apart_from_its_caption(tmp_path):
    reader = written(small_report(classes=(ShownClass(0, (example(),) * 15),)), tmp_path)
    counts = []
    for page, drawn in zip(reader.pages, pypdfium2.PdfDocument(tmp_path / "report.pdf"), strict=True):
        rows = page.extract_text().count("Typisch")
        if rows:
            assert len(images(drawn)) == rows * 3
            counts.append(rows)
    assert sum(counts) == 15
    assert len(counts) > 1


def test_a_class_of_four_examples_and_nine_methods_is_one_page(tmp_path):
    methods = tuple(replace(METHODS[0], key=str(number), label=f"Methode {number}") for number in range(9))
    one = Example("typical", photo(), {method.key: halves() for method in methods}, 0, 0.9)
    content = small_report(
        methods=methods, classes=(ShownClass(0, (one,) * 4), ShownClass(1)), highlights=(), scores={}
    )
    reader = written(content, tmp_path)
    assert sum("Typisch" in page.extract_text() for page in reader.pages) == 1


@pytest.mark.parametrize("classes", [35, 38, 41, 43])  # The more, the lower begins what follows their chart.
def test_a_heading_is_never_apart_from_its_charts(tmp_path, classes):
    accuracies = tuple(ClassAccuracy(class_id, 10, 0.8) for class_id in range(classes))
    confusion = 8 * np.eye(classes, dtype=int) + 2 * np.roll(np.eye(classes, dtype=int), 1, axis=1)
    content = small_report(
        names={class_id: f"Klasse {class_id}" for class_id in range(classes)},
        evaluation=Evaluation(10 * classes, 0.8, (0.7, 0.9), accuracies, confusion),
    )
    pages = [page.extract_text() for page in written(content, tmp_path).pages[2:]]  # behind the contents
    page = next(page for page in pages if "Wie gut die Verfahren sind" in page)
    assert "Anteil im Schild." in page


def test_the_same_content_gives_the_same_bytes(small, tmp_path, monkeypatch):
    write_pdf(small_report(), tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == small.read_bytes()
    assert PdfReader(small).metadata.creation_date.isoformat().startswith("2026-03-01T00:00:00")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    write_pdf(small_report(), tmp_path / "dated.pdf")
    assert PdfReader(tmp_path / "dated.pdf").metadata.creation_date.isoformat().startswith("1970-01-02T00:00:00")
    assert "1. März 2026" in text(PdfReader(tmp_path / "dated.pdf"))


def test_a_wrong_epoch_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(OutputError, match="SOURCE_DATE_EPOCH is wanted in whole seconds since 1970, got 'yesterday'"):
        write_pdf(small_report(), tmp_path / "report.pdf")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_report_of_almost_nothing(language, tmp_path):
    shown = text(written(bare_report(language=language), tmp_path))
    assert {"de": "Keine Testbilder", "en": "No test images"}[language] in shown
    assert {"de": "keine Kennzahlen", "en": "No scores"}[language] in shown


@pytest.mark.parametrize(
    "name", ["", "\x00", "停车让行", "\ud800", "a\nb", "x" * 300, "قف", '"); #panic() //', "\\u{1F6D1}", "🛑", "\ufffe"]
)
def test_every_class_name_can_be_set(name, tmp_path):
    content = small_report(names={**small_report().names, 0: name}, model=name, finding=name)
    assert len(written(content, tmp_path).pages) > 5


@pytest.mark.parametrize("seed", range(3))
def test_characters_from_all_over_unicode_can_be_set(seed, tmp_path):
    codes = np.random.default_rng(seed).integers(0, 0x110000, 400)
    names = {**small_report().names, 0: "".join(map(chr, codes))}
    assert len(written(small_report(names=names), tmp_path).pages) > 5


def test_images_and_heatmaps_of_different_sizes(tmp_path):
    examples = (
        example(),
        example(image=photo(0, 50, 70)),
        example(heatmaps=heatmaps(8)),
        example(heatmaps=heatmaps(32)),
    )
    assert len(written(small_report(classes=(ShownClass(0, examples),)), tmp_path).pages) > 5


@pytest.mark.parametrize("count", [0, 1, 14])
def test_any_number_of_methods(count, tmp_path):
    methods = tuple(replace(METHODS[0], key=str(number), label=f"Methode {number}") for number in range(count))
    one = example(heatmaps={method.key: halves() for method in methods})
    content = small_report(methods=methods, classes=(ShownClass(0, (one,)),), highlights=(), scores={})
    assert "Typisch" in text(written(content, tmp_path))


def test_a_folder_that_is_missing_is_made(tmp_path):
    write_pdf(bare_report(), tmp_path / "a" / "b" / "report.pdf")
    assert PdfReader(tmp_path / "a" / "b" / "report.pdf").pages


def test_a_full_disk_leaves_the_old_report(tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(PDF_MARK)
    with largest_file(2000), pytest.raises(OutputError, match=r"cannot write .*report\.pdf: "):
        write_pdf(small_report(), path)
    assert [one.name for one in tmp_path.iterdir()] == ["report.pdf"]
    assert path.read_bytes() == PDF_MARK


def test_what_is_missing_is_named_with_the_way_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(OutputError, match=r"pip install 'xaisigns\[report\]'"):
        write_pdf(small_report(), tmp_path / "report.pdf")
    assert list(tmp_path.iterdir()) == []


def test_what_typst_cannot_set_is_an_error_of_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "_TEMPLATES", ("report.css",))  # not by name: xaisigns.report is the verb
    with pytest.raises(OutputError, match=r"^the PDF could not be set: "):
        write_pdf(small_report(), tmp_path / "report.pdf")
    assert list(tmp_path.iterdir()) == []


def test_matplotlibs_settings_are_left_as_they_were(tmp_path):
    before = dict(mpl.rcParams)
    write_pdf(small_report(), tmp_path / "report.pdf")
    assert dict(mpl.rcParams) == before


def test_charts_are_text_that_can_be_searched(reader):
    chart = next(
        page
        for page in reader.pages
        if "Genauigkeit nach Klassen" in page.extract_text() and page is not reader.pages[1]
    )
    assert "80,0" in chart.extract_text()
