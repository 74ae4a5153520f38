"""xaisigns audit, run as its users run it."""

import json

import pytest

from xaisigns.audit.findings_file import read_findings

pytestmark = pytest.mark.usefixtures("narrow", "made_up_audit")


def test_findings_are_printed_and_written(run, gtsrb, untrained, tmp_path):
    out = tmp_path / "audit"
    code, printed, told = run("audit", gtsrb, "--model", untrained, "--reference", "none", "--out", out)
    assert (code, told) == (0, "")
    assert [path.name for path in sorted(out.iterdir())] == [
        *("class-2.png", "class-4.png", "class-9.png", "findings.json"),
    ]
    lines = printed.splitlines()
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    assert [row[:2] for row in rows if row[0]] == [
        ["2 Speed limit 50 km/h", "shortcut"],
        ["9 No overtaking", "works only with something not seen here"],
        ["4 Speed limit 70 km/h", "suspect, not proven"],
        ["14 Stop", "not tried"],
    ]
    assert rows[0][2:] == ["0.99", "46.0% (36.6 to 55.7%)", "0.0% (0.0 to 3.7%) reference model", "2 of 6"]
    assert rows[1][4] == "2.0% (0.6 to 7.0%) others of the class"
    assert "Of images that show something else, 46.0% become “Speed limit 50 km/h” once a patch" in printed
    after = lines[lines.index("What this audit cannot tell:") + 1 :]
    assert after[0].startswith("- Without a reference model: ")
    assert after[-1] == f"{out}/findings.json: all of it, with pictures"


def test_json_is_what_the_file_has(run, gtsrb, untrained, tmp_path):
    out = tmp_path / "audit"
    arguments = (gtsrb, "--model", untrained, "--reference", "none", "--out", out, "--split", "test", "--seed", 3)
    code, printed, told = run("audit", *arguments, "--json")
    assert (code, told) == (0, "")
    document = json.loads(printed)
    written = read_findings(out / "findings.json").model_dump(mode="json")
    assert {**document, "made_by": written["made_by"]} == {**written, "files": document["files"]}
    assert (document["data"]["split"], document["seed"]) == ("test", 3)


def test_it_speaks_german(run, gtsrb, untrained, tmp_path):
    arguments = (gtsrb, "--model", untrained, "--reference", "none", "--out", tmp_path / "audit", "--lang", "de")
    code, printed, _ = run("audit", *arguments)
    assert code == 0
    assert "Abkürzung" in printed
    assert "hält das Netz 46,0\u202f% für „Zulässige Höchstgeschwindigkeit 50 km/h“, sobald ein Ausschnitt" in printed
    assert "Was diese Prüfung nicht sagen kann:" in printed


@pytest.mark.usefixtures("few_drawn")
def test_without_root_drawn_signs_are_audited(run, untrained, tmp_path):
    code, printed, _ = run("audit", "--model", untrained, "--reference", "none", "--out", tmp_path / "audit", "--json")
    assert code == 0
    assert json.loads(printed)["data"]["images"] == 129


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--split", "val"], 2, "'val' is not one of 'train', 'test'"),
        (["--seed", "-1"], 2, "greater than or equal to 0"),
        (["--resume"], 2, "only a repair is gone on with: name its file by --repair"),
        (["--repair", "new", "--keep"], 2, "a store is of one model, and a repair makes others"),
        (["--repair", "new", "--store", "there"], 2, "a store is of one model, and a repair makes others"),
        (["--reference", "none", "--store", "nowhere"], 1, "nowhere is no store that 'xaisigns attribute' wrote"),
        (["--reference", "gone"], 1, "no model 'gone'"),
        (["--reference", "MODEL"], 1, "has the weights of the audited model"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(arguments, code, message, run, gtsrb, untrained, tmp_path):
    given = [str(untrained) if word == "MODEL" else word for word in arguments]
    got, printed, told = run("audit", gtsrb, "--model", untrained, "--out", tmp_path / "audit", *given)
    assert (got, printed) == (code, "")
    assert message in " ".join(told.replace("│", " ").split())
    assert not (tmp_path / "audit").exists()
