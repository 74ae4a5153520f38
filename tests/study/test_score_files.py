import csv
import json
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.model.disk import largest_file
from xaisigns.errors import OutputError, TakenError
from xaisigns.study.score_files import best_methods, write_scores


def scored(value, *no_better_than):
    interval = [None, None] if value is None else [value - 0.125, value + 0.125]
    return {"value": value, "interval": interval, "no_better_than": list(no_better_than)}


@pytest.fixture
def document():
    return {
        "count": 7,
        "metrics": {
            "relevance_mass": {"better": "higher"},
            "entropy": {"better": "lower"},
            "insertion": {"better": "higher"},
        },
        "methods": {
            "lrp": {"relevance_mass": scored(0.5), "entropy": scored(3.0, "edges"), "insertion": scored(0.25)},
            "gradcam": {"relevance_mass": scored(0.5), "entropy": scored(2.0), "insertion": scored(0.25)},
            "edges": {"relevance_mass": scored(0.75), "entropy": scored(1.0), "insertion": scored(None)},
        },
        "controls": ["edges"],
        "precision_error": {},
    }


def test_the_best_are_methods_not_controls_and_ties_are_all_best(document):
    document["methods"]["lrp"]["insertion"] = document["methods"]["gradcam"]["insertion"] = scored(None)
    assert best_methods(document) == {"relevance_mass": {"lrp", "gradcam"}, "entropy": {"gradcam"}, "insertion": set()}


def test_files_tell_the_same(document, tmp_path):
    files = write_scores(document, tmp_path / "new", "de")
    assert files == {kind: str(tmp_path / "new" / f"scores.{kind}") for kind in ("csv", "json", "md")}
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["scores.csv", "scores.json", "scores.md"]
    made_by = {"made_by": f"xaisigns {version('xaisigns')}"}
    assert json.loads(Path(files["json"]).read_text(encoding="utf-8")) == made_by | document
    rows = list(csv.DictReader(Path(files["csv"]).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 9
    assert rows[1] == {
        "method": "lrp",
        "control": "0",
        "metric": "entropy",
        "value": "3",
        "low": "2.875",
        "high": "3.125",
        "better": "lower",
        "no_better_than": "edges",
        "images": "7",
    }
    assert (rows[8]["control"], rows[8]["value"], rows[8]["low"], rows[8]["better"]) == ("1", "", "", "higher")


def test_the_table_has_the_controls_last_the_best_bold_and_marks(document, tmp_path):
    files = write_scores(document, tmp_path, "en")
    assert Path(files["md"]).read_text(encoding="utf-8").splitlines() == [
        "| method | relevance mass ↑ | entropy ↓ | insertion ↑ |",
        "|---|---|---|---|",
        "| `lrp` | **0.500** (0.375 to 0.625) | 3.000° (2.875 to 3.125) | **0.250** (0.125 to 0.375) |",
        "| `gradcam` | **0.500** (0.375 to 0.625) | **2.000** (1.875 to 2.125) | **0.250** (0.125 to 0.375) |",
        "| *edges* | 0.750 (0.625 to 0.875) | 1.000 (0.875 to 1.125) | – |",
        "",
        "<!-- made by xaisigns -->",
    ]


def test_the_table_in_german(document, tmp_path):
    files = write_scores(document, tmp_path, "de")
    assert Path(files["md"]).read_text(encoding="utf-8").splitlines()[:3] == [
        "| Verfahren | Relevanzmasse ↑ | Entropie ↓ | Einfügen ↑ |",
        "|---|---|---|---|",
        "| `lrp` | **0,500** (0,375 bis 0,625) | 3,000° (2,875 bis 3,125) | **0,250** (0,125 bis 0,375) |",
    ]


def test_a_place_that_cannot_be_written_is_told(document, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot write"):
        write_scores(document, tmp_path / "file", "en")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_leaves_the_three_files_of_before(document, tmp_path):
    before = write_scores(document, tmp_path, "en")
    texts = {kind: Path(path).read_text(encoding="utf-8") for kind, path in before.items()}
    document["count"] = 8
    size = len(texts["csv"].encode())
    assert size < len(texts["json"].encode())  # so that the first file has room and the second has not
    with largest_file(size), pytest.raises(OutputError, match=r"^cannot write .*scores\.csv, .*scores\.json, "):
        write_scores(document, tmp_path, "en")
    assert {kind: Path(path).read_text(encoding="utf-8") for kind, path in before.items()} == texts
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("kind", ["csv", "json", "md"])
def test_a_file_of_others_is_kept_and_with_it_the_others_of_the_set(kind, document, tmp_path):
    theirs = tmp_path / f"scores.{kind}"
    theirs.write_text("mine")
    with pytest.raises(TakenError, match=f"^{theirs} exists and was not written by xaisigns"):
        write_scores(document, tmp_path, "en")
    assert list(tmp_path.iterdir()) == [theirs]
    assert theirs.read_text() == "mine"
    for force in (True, False):  # once forced they are ours
        write_scores(document, tmp_path, "en", force=force)
    assert len(list(tmp_path.iterdir())) == 3
