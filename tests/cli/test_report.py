"""xaisigns report, run as its users run it."""

import importlib.util
import json

import pypdf
import pytest

import xaisigns as xs
from tests.model.disk import largest_file

pytestmark = pytest.mark.usefixtures("narrow")

QUICK = ("--methods", "saliency,edges", "--examples", "2", "--classes", "4,14")


def test_both_documents_are_written(run, gtsrb, tmp_path, untrained):
    pdf, html = tmp_path / "new" / "report.pdf", tmp_path / "report.html"
    arguments = (gtsrb, "--model", untrained, *QUICK, "--lang", "de")
    code, printed, told = run("report", *arguments, "--out", pdf, "--html", html, "--json")
    document = json.loads(printed)
    assert (code, told) == (0, "")
    assert document["files"] == {"pdf": str(pdf), "html": str(html)}
    assert (document["classes"], document["methods"]) == (2, ["saliency", "edges"])
    text = "".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages)
    assert "Halt! Vorfahrt gewähren" in text
    assert "xaisigns report" in text
    assert "Zulässige Höchstgeschwindigkeit 70 km/h" in html.read_text(encoding="utf-8")
    code, printed, told = run("report", *arguments, "--html", html)
    assert (code, told) == (0, "")
    assert printed.splitlines()[0] == f"{html}: 2 Klassen, {document['examples']} Beispiele"
    assert len(printed.splitlines()) == 2


def test_without_a_name_it_is_report_pdf_here(run, gtsrb, tmp_path, untrained, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed, _ = run("report", gtsrb, "--model", untrained, *QUICK)
    assert code == 0
    assert (tmp_path / "report.pdf").is_file()
    assert printed.startswith("report.pdf: 2 classes")


def test_the_command_that_makes_it_again_names_a_language_that_the_environment_chose(
    run, gtsrb, tmp_path, untrained, monkeypatch
):
    monkeypatch.setenv("XAISIGNS_LANG", "de")
    html = tmp_path / "report.html"
    for said, end in ((), " --lang de</pre>"), (("--lang=en",), " --lang=en</pre>"):
        assert run("report", gtsrb, "--model", untrained, *QUICK, "--html", html, *said)[0] == 0
        assert end in html.read_text(encoding="utf-8")


def test_the_findings_of_an_audit_open_it(run, gtsrb, tmp_path, untrained, made_up_audit):
    arguments = (gtsrb, "--model", untrained)
    assert run("audit", *arguments, "--reference", "none", "--out", tmp_path / "audit")[0] == 0
    found = tmp_path / "audit" / "findings.json"
    options = (*QUICK, "--html", tmp_path / "report.html", "--audit", found)
    code, printed, told = run("report", *arguments, *options, "--json")
    assert (code, told) == (0, "")
    assert json.loads(printed)["finding"].startswith("Of images that show something else, 46.0% become “Speed limit 50")


def test_another_model_is_shown_before(run, gtsrb, tmp_path, untrained):
    html = tmp_path / "report.html"
    code, _, told = run("report", gtsrb, "--model", untrained, *QUICK, "--html", html, "--before", untrained)
    assert (code, told) == (0, "")
    page = html.read_text(encoding="utf-8")
    assert f"Before: {untrained}. After: {untrained}. Both models see the same test images." in page


def test_what_is_kept_is_a_store_that_serves_the_next_one(run, gtsrb, tmp_path, untrained):
    options = ("--model", untrained, "--html", tmp_path / "report.html", "--methods", "edges", "--classes", "4")
    for more in (["--keep"], []):
        code, _, told = run("report", gtsrb, *options, "--store", tmp_path / "store", *more)
        assert (code, told) == (0, "")
    assert xs.open_store(tmp_path / "store").methods == ["edges"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--keep"], 1, "what is kept is kept in a store: name one"),
        (["--before", "nowhere"], 1, "no model 'nowhere'"),
        (["--classes", "4,43"], 1, "the model has no class 43; give --classes numbers from 0 to 42"),
        (["--classes", "four"], 2, "wanted class numbers such as 4,14, got 'four'"),
        (["--methods", "lpr"], 1, "no method 'lpr'"),
        (["--examples", "0"], 2, "greater than or equal to 1"),
        (["--lang", "qq"], 2, "'qq' is not one of"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(arguments, code, message, run, gtsrb, tmp_path, untrained):
    out = tmp_path / "out" / "report.pdf"
    got, printed, told = run("report", gtsrb, "--model", untrained, "--out", out, *arguments)
    assert (got, printed) == (code, "")
    assert message in " ".join(told.replace("│", " ").split())
    assert not out.parent.exists()


def test_a_folder_in_its_place_is_told_before_the_work(run, tmp_path, untrained):
    code, printed, told = run("report", tmp_path / "nowhere", "--model", untrained, "--out", tmp_path)
    assert (code, printed) == (1, "")
    assert told == f"xaisigns: cannot write {tmp_path}: it is a folder; name a file instead\n"


@pytest.mark.parametrize(("option", "package"), [("--out", "typst"), ("--html", "jinja2")])
def test_a_missing_package_names_the_extra_before_the_work(option, package, run, tmp_path, untrained, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    code, _, told = run("report", tmp_path / "nowhere", "--model", untrained, option, tmp_path / "report.any")
    assert code == 1
    assert f"needs {package}: pip install 'xaisigns[report]'" in told


def test_an_image_that_cannot_be_read_is_named_and_nothing_is_written(run, gtsrb, tmp_path, untrained):
    broken = next((gtsrb / "GTSRB/Final_Test/Images").glob("*.ppm"))
    broken.write_bytes(broken.read_bytes()[:20])
    code, printed, told = run("report", gtsrb, "--model", untrained, *QUICK, "--out", tmp_path / "report.pdf")
    assert (code, printed) == (1, "")
    assert str(broken) in told
    assert not (tmp_path / "report.pdf").exists()


def test_a_full_disk_leaves_no_report(run, gtsrb, tmp_path, untrained):
    arguments = ("report", gtsrb, "--model", untrained, *QUICK)
    assert run(*arguments, "--out", tmp_path / "first.pdf")[0] == 0  # what is computed is in the cache
    with largest_file(10_000):
        code, printed, told = run(*arguments, "--out", tmp_path / "report.pdf")
    assert (code, printed) == (1, "")
    assert "cannot write" in told
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".pdf"] == ["first.pdf"]
