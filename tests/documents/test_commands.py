"""Every command and all code of the documents is run, page by page, as a reader runs it who starts at the top.

A page has a folder with what its reader has: the repository's examples, a picture, and GTSRB (here drawn signs of 3
classes). Blocks of Python share their names; text behind one is what it prints. A block of TOML is rules.toml.
"""

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.commands import run
from tests.conftest import REPOSITORY, draw_gtsrb
from tests.documents.pages import PAGES, blocks, commands
from xaisigns.attribution.assignment import read_rules
from xaisigns.attribution.lrp import LRP
from xaisigns.data.download import ARCHIVES, WORK_FOLDER
from xaisigns.data.drawn.sign import draw_sign
from xaisigns.model.checkpoint import load_model
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.vgg import VGG

# What a test cannot run as it stands (a regular expression), what is run in its place, and why.
_COPY = "python -c \"import xaisigns as xs; xs.save_model(xs.load_model('stickered'), 'repaired.safetensors')\""
INSTEAD = (
    (r"python3 -m venv \.venv", 'cp -R "$VENV" .venv', "a new one is empty without the network; .ci/run makes one"),
    (r"\S*\bpip install", "true", "needs the network; .ci/run installs the package with every extra"),
    (r"jupyter lab (\S+)", r"test -f \1/01_training.ipynb", "serves until it is ended; test_container.py"),
    (r"xaisigns live\b[^#]*", "xaisigns live --help ", "serves until it is ended; live/test_running.py"),
    (r"ruff check .* slipcover --merge", "true", "is the check that this test is a part of"),
    (r"sphinx-build .*", "true", "documents/test_site.py"),
    (r"xaisigns data download gtsrb", r'cp -R "$GTSRB" gtsrb && \g<0>', "needs the network; finds that all is there"),
    (r"xaisigns tune [^#]*", r"{ timeout 8 \g<0> || [ $? = 124 ]; } ", "minutes; cli/test_tune.py"),
    (r"--methods (all|composites)", "--methods lrp,gradcam,edges", "up to 38 methods; attribution/test_methods.py"),
    (r"xaisigns report gtsrb (?=--lang|--html)", r"\g<0>--methods lrp,gradcam,edges ", "9 methods take half a minute"),
    (r"xaisigns cache clear", "xaisigns cache info #", "would empty the other tests' cache; cli/test_cache.py"),
    (r"xaisigns report --classes", "xaisigns report gtsrb --classes", "860 drawn signs take 2 minutes; .ci/run"),
    (r"--per-class 60", "--per-class 2", "3,440 signs, which `xaisigns evaluate` without a folder draws, too"),
    (r"\S+/python docker/rehearse.py", "test -f docker/rehearse.py", "needs the network; .ci/run runs it as it stands"),
    (r"--epochs 40 (.*) --drawn 100", r"--epochs 1 \1 --drawn 1", "4,300 drawn signs 40 times; model/test_training.py"),
    (r"xaisigns train shapes --out shapes.safetensors", r"\g<0> --epochs 1", "8 epochs; the same page does them again"),
    (r"xaisigns train marked", r"\g<0> --epochs 3", "8 epochs; the audit needs a model that tells two of the shapes"),
    (r"--reference shapes\.safetensors", "--reference planted.safetensors", "the one above has 1 epoch, one shape"),
    (r"xaisigns audit gtsrb --repair .*", _COPY, "as the next line"),
    (r"xaisigns repair gtsrb .*", _COPY, "15 minutes, and too few signs to find anything; cli/test_repair.py"),
    (r"for composite in [^;]*", "for composite in epsilon-plus-flat", "5 runs of one command"),
)

# Pictures in docs/images, and the files that the commands of a page make of them anew.
PICTURES = {
    "README.md": {
        **{f"{sign}.png": f"heatmaps/{sign}.png" for sign in ("stop", "no-overtaking", "speed-50", "speed-50-sticker")},
        "compare.png": "comparison/speed-50-sticker.png",
    },
    "docs/lrp.md": {
        **{
            f"lrp-{name}.png": f"heatmaps/lrp-{name}/speed-50-sticker.png" for name in ("epsilon-plus-flat", "contrast")
        },
        "lrp-layer.png": "heatmaps/layer/speed-50-sticker.png",
    },
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_what_it_says(name, reader):
    run_command, page = reader(name), PAGES[name]
    names, printed = {}, ""
    for block in blocks(page):
        if block.kind == "bash":
            for line, command in commands(block):
                run_command(f"{name}:{line}", command)
        elif block.kind == "toml":
            Path("rules.toml").write_text(block.text, encoding="utf-8")
            model = load_model("stickered")
            LRP(model, rules=read_rules(Path("rules.toml")), bounds=model.bounds)
        elif block.kind == "text" and printed:
            assert block.text == printed, f"{name}:{block.line}: this is not what the code above prints"
        printed = _run_python(page, block, names) if block.kind == "python" else ""
    for shown, made in PICTURES.get(name, {}).items():
        assert _difference(REPOSITORY / "docs/images" / shown, Path(made)) < 1, f"{shown} is not what {name} makes"


def test_all_that_is_run_in_place_of_something_is_needed():
    told = [
        command
        for page in PAGES.values()
        for block in blocks(page)
        if block.kind == "bash"
        for _, command in commands(block)
    ]
    assert [part for part, *_ in INSTEAD if not any(re.search(part, command) for command in told)] == []


@pytest.fixture
def reader(tmp_path, monkeypatch, registries, venv, few_signs):
    """Puts the test into the folder of a page's reader; gives, by the page's name, what runs commands there."""
    for name in ("examples", "docker", "Dockerfile", "compose.yaml"):
        if (REPOSITORY / name).exists():
            copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
            copy(REPOSITORY / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    draw_sign(2, 64, seed=7).image.save("sign.png")

    def start(page):
        text = PAGES[page].read_text(encoding="utf-8")
        path = [folder for folder in os.environ["PATH"].split(os.pathsep) if not Path(folder, "xaisigns").exists()]
        # Who is told how to install the package, or to download the data, has neither before that.
        if "python3 -m venv" not in text:
            path.insert(0, str(venv / "bin"))
        if "xaisigns data download gtsrb" not in text:
            shutil.copytree(few_signs, "gtsrb")
        if "VGG11.pt" in text:
            torch.save(VGG(NetworkSettings("vgg11")).state_dict(), "VGG11.pt")
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(REPOSITORY / "tests/documents/bin"), *path]),
            "VENV": str(venv),
            "GTSRB": str(few_signs),
            "ENVIRONMENT": str(tmp_path / ".environment"),
        }
        return lambda place, command: _run(place, command, environment)

    return start


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    """A folder to use like a virtual environment, with the package as the tests have it."""
    programs = tmp_path_factory.mktemp("venv") / "bin"
    programs.mkdir()
    for name in ("python", "xaisigns"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).with_name(name)}" "$@"\n')
        program.chmod(0o755)
    (programs / "activate").write_text(f'export PATH="{programs}:$PATH"\n')
    return programs.parent


@pytest.fixture(scope="module")
def few_signs(tmp_path_factory):
    """GTSRB as `xaisigns data download` leaves it, but with few signs of few classes."""
    root = draw_gtsrb(tmp_path_factory.mktemp("few"), (2, 4, 14), tracks=2, frames=1, test=1)
    (root / WORK_FOLDER).mkdir()
    for archive in ARCHIVES:
        done = json.dumps({"md5": archive.md5, "files": []})
        (root / WORK_FOLDER / f"{archive.name}.done").write_text(done)
    return root


def _run(place, command, environment):
    """Run one command; what it exports is there for the next one, as in a terminal."""
    shortened = command
    for part, replacement, _ in INSTEAD:
        shortened = re.sub(part, replacement, shortened)
    arguments = _arguments(shortened)
    # Who has not entered the environment with the package is told by the shell.
    if arguments is not None and shutil.which("xaisigns", path=environment["PATH"]):
        code, _, told = run(*arguments, environment=environment)
    else:
        code, told = _run_bash(shortened, environment)
    if code:
        pytest.fail(f"{place}: {command}\nrun as: {shortened}\nexit code {code}\n{told}", pytrace=False)


def _arguments(command):
    """Those of a command that is nothing but xaisigns and words, for which no shell is needed."""
    words = shlex.split(command, comments=True)
    plain = words[:1] == ["xaisigns"] and not re.search(r"[^\w\s.,:=/-]", command.partition(" #")[0])
    return words[1:] if plain else None


def _run_bash(command, environment):
    script = f'{command}\nstatus=$?\nenv -0 >"$ENVIRONMENT"\nexit "$status"'
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode == 0:
        exported = Path(environment["ENVIRONMENT"]).read_text(encoding="utf-8").rstrip("\0").split("\0")
        environment.update(line.split("=", 1) for line in exported)
    return ran.returncode, ran.stderr


def _run_python(page, block, names):
    """Run one block with the names of those before it, and give what it prints."""
    # The empty lines make a traceback name the page's own lines.
    code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            exec(code, names)
        except Exception:
            pytest.fail(traceback.format_exc(), pytrace=False)
    return printed.getvalue()


def _difference(one, other):
    """Of two pictures, on average, in steps of 256; those of two composites differ by 4 and more."""
    with Image.open(one) as first, Image.open(other) as second:
        first, second = (np.asarray(picture.convert("RGB"), dtype=int) for picture in (first, second))
    assert first.shape == second.shape
    return abs(first - second).mean()
