"""Command lines with hostile options and names: an exit code that is documented, and never a traceback."""

import json
import os
import unicodedata

import pytest

from tests.fuzzing import outcomes

NUMBERS = ["0", "-1", "1", "2", "99999999", "99999999999999999999", str(2**63), str(2**64), "9" * 5000, "1e3", "0x1f"]
NUMBERS += ["٣", "1_000", "nan", "-inf", "inf", "1.5", "", " ", "+3", "--", "4,4,x", "4,14", "0.5,0.5,0.5", "nan,0,0"]
WORDS = ["lrp", "lrp:gamma=nan", "lrp:epsilon:gamma=1", "saliency:x=1", "default,,", ",", "a:b:c:d", ":", "=", "xx"]
WORDS += ["predicted", "clean", "complexity,complexity", "flipping", "beauty", "mean", "all", "vgg11", "epsilon"]
HOSTILE = ["\x1b[2J", "a\nb", "\r", "\u202egnp", "\u200b", "\udcdf", "\ud83d", "日本", "🛑", "\x9b31m", "x" * 300]
HOSTILE += [
    "../" * 2000,
    "[red]",
    "{}",
    "%s",
    "~",
    "/dev/null",
    "/proc/self/mem",
    "/",
    ".",
    "..",
    "-",
    "C:\\x",
    "x" * 70000,
]
USUAL = {
    **dict.fromkeys(("--target", "--against", "--per-class", "--held-out", "--steps", "--examples", "--seed"), "3"),
    **dict.fromkeys(("--mean", "--std"), "0.5,0.5,0.5"),
    "--classes": "4,14",
    "--composite": "epsilon",
    "--filling": "blur",
    "--input-size": "64",
    "--lang": "de",
    "--masks": "roi",
    "--method": "saliency",
    "--methods": "lrp,edges",
    "--metric": "pointing_game",
    "--metrics": "flipping",
    "--split": "test",
}
# What takes a network to work is given none: the model's name is always wrong there.
NO_MODEL = ["", "no-such", "/", "/dev/null", ".", "\x1b.safetensors", "x" * 300, "\udcdf.pt", "FILE"]
OPTIONS = {
    "explain": "--method --composite --rules --target --against --layer --channels --ledger --npy --input-size --mean",
    "compare": "--methods --target --input-size --mean --std",
    "rules": "--composite --rules --input-size --mean --std",
    "methods": "",
    "evaluate": "--input-size --mean --std",
    "score": "--methods --metrics --masks --per-class --steps --filling --seed --input-size --mean --std",
    "tune": "--metric --masks --per-class --held-out --seed --input-size --mean --std",
    "audit": "--reference --split --seed --input-size --mean --std",
    "report": "--audit --classes --examples --methods --seed --html --input-size --mean --std",
    "live": "--port --data --findings --input-size --mean --std",
    "data info": "",
    "frobnicate": "--x",
    "data frobnicate": "--x",
    "": "--lang",
    "data": "",
}
FLAGS = {"--ledger", "--npy", "--json", "--help", "-h"}
WITH_MODEL = {"explain", "compare", "live", "rules", "evaluate", "score", "tune", "audit", "report"}
CODES = {0, 1, 2}


def command_line(draw, folder):
    """Arguments that do no long work."""
    command = draw.choice(list(OPTIONS))
    places = [str(folder), str(folder / "file.png"), str(folder / "\udcdf.png"), str(folder / "gone")]
    values = NUMBERS + WORDS + HOSTILE + places
    arguments = command.split()
    if command in WITH_MODEL:
        arguments += ["--model", draw.choice(NO_MODEL).replace("FILE", str(folder / "file.png"))]
    for option in draw.choices([*OPTIONS[command].split(), "--lang", "--json"], k=draw.randrange(5)):
        value = USUAL[option] if option in USUAL and draw.random() < 0.6 else draw.choice(values)
        arguments += [option] if option in FLAGS else [option, value]
    # A place comes first in the list, since most commands without one would draw a data set or explain examples.
    if command not in ("rules", "methods"):
        arguments += [draw.choice(HOSTILE + places) for _ in range(draw.choice((1, 1, 2)))]
    if draw.random() < 0.1:
        arguments.append(draw.choice(["--help", "-h", "--json", "--", "\x00"]))
    return [argument.replace("\0", "") for argument in arguments]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "file.png").write_bytes(b"no image")
    (tmp_path / os.fsdecode(b"\xdf.png")).write_bytes(b"")
    return tmp_path


def test_hostile_command_lines_end_with_a_word(run, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))

    def one(draw):
        arguments = command_line(draw, folder)
        code, printed, told = run(*arguments)
        assert code in CODES, arguments
        everything = (printed + told).replace("\n", "")
        assert "Traceback" not in everything, arguments
        assert "a defect of xaisigns" not in everything, (arguments, told)
        hidden = {unicodedata.category(char) for char in everything} & {"Cc", "Cf", "Cs"}
        assert not hidden or "--json" in arguments, (arguments, everything)
        assert code != 1 or told.count("\n") >= 1, arguments
        if code == 0 and "--json" in arguments and not {"--help", "-h"} & set(arguments):
            json.loads(printed, parse_constant=pytest.fail)
        return code

    assert set(outcomes(300, "command lines", one)) == CODES
    assert sorted(path.name for path in folder.iterdir()) == ["file.png", os.fsdecode(b"\xdf.png")]
