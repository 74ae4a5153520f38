"""The verb behind the command: what it takes, writes and gives; how often it opens the data."""

import json

import pytest

import xaisigns as xs
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import LanguageError, ModelError, OutputError
from xaisigns.report.report_files import report

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
    assert "xs.report(" in page
    assert "methods=&#39;edges&#39;, classes=[14], examples=1, language=&#39;de&#39;, seed=0" in page


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
