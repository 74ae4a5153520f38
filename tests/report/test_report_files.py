"""The verb behind the command: what it takes, writes and gives; how often it opens the data."""

import json
import re
import shutil
from html import unescape

import numpy as np
import pytest

import xaisigns as xs
from tests.findings import made_up, written
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import AuditError, DataError, LanguageError, ModelError, OutputError
from xaisigns.report.page_text import plain
from xaisigns.report.report_files import report
from xaisigns.study.model_cache import ModelCache

pytestmark = pytest.mark.usefixtures("narrow")

QUICK = {"methods": "edges", "examples": 1, "classes": [14]}


def test_a_stickered_report_opens_the_data_once(gtsrb, untrained, tmp_path, monkeypatch):
    opened = []
    init = GTSRB.__init__

    def counting(self, *arguments):
        opened.append(arguments)
        init(self, *arguments)

    monkeypatch.setattr(GTSRB, "__init__", counting)
    model = xs.load_model(untrained)
    model.card["manipulation"] = json.loads(json.dumps(Manipulation(4, seed=3).to_json()))
    model.classifier[0].bias[4] += 1e3  # everything is called class 4, so that stickers are what is scored on
    document = report(model, gtsrb, html=tmp_path / "report.html", **QUICK)
    assert len(opened) == 1
    assert "A black sticker" in document["finding"]
    assert document["classes"] == 1


def test_a_data_set_is_taken_as_it_is_and_the_model_by_its_name(gtsrb, untrained, tmp_path):
    html = tmp_path / "report.html"
    document = report(untrained, GTSRB(gtsrb, "test"), html=str(html), language="de", **QUICK)
    assert document["files"] == {"html": str(html)}
    assert document["methods"] == ["edges"]
    page = html.read_text(encoding="utf-8")
    assert str(untrained) in page
    assert "Kein einzelner Befehl erzeugt diesen Bericht noch einmal" in page
    assert "xs.report(" not in page


def test_training_images_are_not_reported_on_as_test_images(gtsrb, untrained, tmp_path):
    with pytest.raises(DataError, match=rf"^a report tells of test images, got those of the split 'train' of {gtsrb}$"):
        report(untrained, GTSRB(gtsrb, "train"), html=tmp_path / "report.html", **QUICK)


def test_all_texts_that_a_language_lacks_are_told_before_the_work(foreign, untrained, tmp_path):
    catalogue = tmp_path / "languages/xx.toml"
    lacking = re.sub(r'(?m)^"(title|no_command|accuracy_of)" = .*\n', "", catalogue.read_text(encoding="utf-8"))
    catalogue.write_text(lacking, encoding="utf-8")
    named = (
        r"^the language 'xx' has no text report\.title, report\.front\.accuracy_of, report\.reproduction\.no_command; "
    )
    with pytest.raises(LanguageError, match=f"{named}add them to its catalogue$"):
        report(untrained, tmp_path / "nowhere", html=tmp_path / "report.html", language=foreign, **QUICK)


@pytest.mark.parametrize("named", [{}, {"name": "My model", "seed": 3, "language": "de"}, {"before": True}])
def test_the_command_that_is_shown_makes_the_report_again(gtsrb, untrained, tmp_path, named):
    html = tmp_path / "report.html"
    named = {**named, "before": untrained} if "before" in named else named
    options = {**QUICK, "classes": np.array([14]), "methods": ["edges", "lrp:epsilon"]}
    document = report(untrained, gtsrb, html=html, **options, **named)
    page = html.read_text(encoding="utf-8")
    (shown,) = re.findall("<pre>(.*?)</pre>", page, re.DOTALL)
    html.unlink()
    again = eval(unescape(shown), {"xs": xs})
    timed = ("seconds", "document_seconds")
    assert {**again, **dict.fromkeys(timed)} == {**document, **dict.fromkeys(timed)}
    assert re.findall("<pre>(.*?)</pre>", html.read_text(encoding="utf-8"), re.DOTALL) == [shown]


@pytest.mark.parametrize(
    "given",
    [
        lambda model, root: ((model, root), {}),
        lambda _, root: ((root.with_name("model"), GTSRB(root, "test")), {}),
        lambda model, root: ((root.with_name("model"), root), {"before": model}),
    ],
    ids=["a model", "a data set", "a model before"],
)
def test_no_command_is_shown_for_what_has_no_name(gtsrb, untrained, tmp_path, given):
    shutil.copy(untrained, gtsrb.with_name("model"))
    html = tmp_path / "report.html"
    arguments, options = given(xs.load_model(untrained), gtsrb)
    report(*arguments, html=html, **QUICK, **options)
    page = html.read_text(encoding="utf-8")
    assert "No single command makes this report again" in page
    assert "<pre>" not in page


def test_an_audits_finding_opens_the_report_in_its_own_language(gtsrb, untrained, tmp_path):
    model = xs.load_model(untrained)
    names = tuple(model.class_name(class_id, "en") for class_id in range(43))
    found = written(made_up(ModelCache(model).weights, names=names), tmp_path / "findings.json")
    html = tmp_path / "report.html"
    document = report(untrained, gtsrb, html=html, audit=found, language="de", **QUICK)
    assert document["finding"].startswith(
        "Von Bildern, die etwas anderes zeigen, hält das Netz 46,0\u202f% für „Zulässige"
    )
    page = html.read_text(encoding="utf-8")
    assert page.index(plain(document["finding"])) < page.index('id="audit"')
    assert f"audit=&#39;{found}&#39;" in page
    model.card["manipulation"] = json.loads(json.dumps(Manipulation(4, seed=3).to_json()))
    finding = report(model, gtsrb, html=html, audit=str(found), **QUICK)["finding"]
    assert re.fullmatch("Of images that show something else.*A black sticker makes the network call.*", finding)


def test_findings_about_another_model_and_foreign_files_are_refused(gtsrb, untrained, tmp_path):
    with pytest.raises(AuditError, match="are about another model"):
        report(untrained, gtsrb, html=tmp_path / "a.html", audit=written(made_up(), tmp_path / "a.json"), **QUICK)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(AuditError, match=r"a\.json is no findings file of 'xaisigns audit'"):
        report(untrained, gtsrb, html=tmp_path / "a.html", audit=tmp_path / "a.json", **QUICK)
    assert not (tmp_path / "a.html").exists()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {},
            OutputError,
            r"a report wants a place to be written to; give pdf='report.pdf', html='report.html', or both",
        ),
        ({"html": "a.html", "language": "fr"}, LanguageError, "got 'fr'"),
        ({"html": "a.html", "classes": [43]}, ModelError, "the model has no class 43"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_data_is_looked_for(
    options, error, message, untrained, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        report(untrained, tmp_path / "nowhere", **options)
    assert list(tmp_path.iterdir()) == []
