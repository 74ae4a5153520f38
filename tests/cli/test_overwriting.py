"""No command overwrites a file that xaisigns did not write, unless --force says so."""

import json

import pytest

from xaisigns.attribution.named_rules import Rule
from xaisigns.data.drawn import sign_set
from xaisigns.data.drawn.sign import draw_sign
from xaisigns.model import checkpoint
from xaisigns.study import tuning
from xaisigns.study.tuning import Measured, Setting, Tuning

pytestmark = pytest.mark.usefixtures("narrow", "made_up_audit")

LONG = {
    "score": ("--out {out}/x", ["x/scores.csv", "x/scores.json", "x/scores.md"]),
    "tune": ("--out {out}/rules.toml", ["rules.toml"]),
    "audit": ("--out {out}/x", ["x/findings.json"]),
    "report": ("--out {out}/a.pdf --html {out}/b.html", ["a.pdf", "b.html"]),
    "train": ("--out {out}/m.safetensors", ["m.safetensors", "m.csv", "m.checkpoint.safetensors"]),
}
WHOLE = {
    "score": "{gtsrb} --model {model} --methods lrp,edges --per-class 1 --metrics complexity",
    "tune": "{gtsrb} --model {model} --masks roi --per-class 1 --held-out 1",
    "audit": "{gtsrb} --model {model} --reference none",
    "report": "{gtsrb} --model {model} --methods lrp --classes 14 --examples 1",
    "train": "{gtsrb} --epochs 1 --input-size 32",
}


@pytest.fixture
def signs(tmp_path):
    folder = tmp_path / "signs"
    folder.mkdir()
    for name, class_id in (("fifty", 2), ("stop", 14), ("yield", 13)):
        draw_sign(class_id, 48, 1).image.save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize("command", ["explain --npy", "compare --methods lrp"])
@pytest.mark.parametrize("ending", [".png", ".npy"])
def test_a_picture_of_others_is_kept_and_named_and_the_rest_is_done(run, signs, tmp_path, untrained, command, ending):
    out = tmp_path / "out"
    out.mkdir()
    theirs = out / f"stop{ending}"
    theirs.write_text("mine")
    arguments = (*command.split(), *sorted(signs.iterdir()), "--model", untrained, "--out", out)
    code, printed, told = run(*arguments, "--json")
    document = json.loads(printed)
    if (command, ending) == ("compare --methods lrp", ".npy"):
        assert (code, len(document["results"])) == (0, 3)
        return
    assert code == 1
    assert [result["files"]["picture"] for result in document["results"]] == [
        str(out / "fifty.png"),
        str(out / "yield.png"),
    ]
    text = f"{signs}/stop.png: {theirs} exists and was not written by xaisigns; give another place or --force"
    assert document["skipped"] == [{"image": str(signs / "stop.png"), "error": text}]
    assert told == f"xaisigns: skipped {text}\n"
    missing = signs / "zero.png"
    skipped = json.loads(run(*arguments, missing, "--json")[1])["skipped"]
    assert [one["image"] for one in skipped] == [str(signs / "stop.png"), str(missing)]  # as they were given
    assert theirs.read_text() == "mine"
    assert {path.stem for path in out.glob("*")} == {"fifty", "stop", "yield"}
    assert len(list(out.glob("stop.*"))) == 1  # nothing beside theirs, of the same set
    for force in (["--force"], []):  # once forced it is ours
        code, printed, told = run(*arguments, *force, "--json")
        assert (code, told, len(json.loads(printed)["results"])) == (0, "", 3)


@pytest.mark.parametrize(("command", "name"), [(command, name) for command in LONG for name in LONG[command][1]])
def test_a_file_of_others_is_refused_before_the_work(run, tmp_path, command, name, monkeypatch):
    monkeypatch.setattr(sign_set, "default_drawn_set", lambda *_: pytest.fail("signs are drawn"))
    monkeypatch.setattr(checkpoint, "load_model", lambda *_: pytest.fail("the model is loaded"))
    theirs = tmp_path / name
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text("mine")
    code, printed, told = run(command, *LONG[command][0].format(out=tmp_path).split())
    assert (code, printed) == (1, "")
    assert told == f"xaisigns: {theirs} exists and was not written by xaisigns; give another place or --force\n"
    assert theirs.read_text() == "mine"


@pytest.mark.parametrize("command", LONG)
def test_a_second_run_goes_over_the_first_and_force_over_all(run, tmp_path, gtsrb, untrained, command, monkeypatch):
    found = Measured(Setting({"features.0": Rule("flat")}, contrast=False, name="epsilon"), value=0.5, flipping=0.5)
    monkeypatch.setattr(tuning, "tune", lambda *_, **__: Tuning("entropy", found, found, 4, 1).document())  # takes long
    options, names = LONG[command]
    arguments = f"{command} {WHOLE[command]} {options}".format(gtsrb=gtsrb, model=untrained, out=tmp_path / "out")
    for path in (tmp_path / "out" / name for name in names):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    code, _, told = run(*arguments.split(), "--force")
    assert (code, told) == (0, "")
    first = {name: (tmp_path / "out" / name).stat().st_ino for name in names}
    code, _, told = run(*arguments.split())
    assert (code, told) == (0, "")
    assert all((tmp_path / "out" / name).stat().st_ino != inode for name, inode in first.items())


def test_a_training_does_not_write_its_log_over_its_model(run, tmp_path, gtsrb):
    code, printed, told = run("train", gtsrb, "--out", tmp_path / "x.csv")
    assert (code, printed) == (1, "")
    assert told.startswith(f"xaisigns: cannot write the model to {tmp_path}/x.csv: the training's log")


def test_two_reports_are_not_one_file(run, tmp_path, gtsrb):
    code, printed, told = run("report", gtsrb, "--out", tmp_path / "x", "--html", tmp_path / "x")
    assert (code, printed) == (1, "")
    assert told == f"xaisigns: cannot write two files to {tmp_path}/x; give each a name of its own\n"
