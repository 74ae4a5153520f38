"""The container, as far as it can be checked without an engine: its files, its entrypoint, its scripts."""

import http.server
import json
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from importlib.metadata import distribution, entry_points
from pathlib import Path
from types import SimpleNamespace

import pytest
import tree_sitter
import tree_sitter_powershell
import yaml

from tests.conftest import REPOSITORY

rehearse = SimpleNamespace(**runpy.run_path(str(REPOSITORY / "docker" / "rehearse.py")))
STEPS = rehearse.instructions((REPOSITORY / "Dockerfile").read_text())
ENTRYPOINT = REPOSITORY / "docker" / "entrypoint.sh"
HEALTHCHECK = REPOSITORY / "docker" / "healthcheck.py"
SCRIPTS = Path(sys.executable).parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def values(instruction):
    return [value for name, value in STEPS if name == instruction]


def settings():
    """What ENV sets, as written."""
    return dict(word.split("=", 1) for value in values("ENV") for word in value.split())


def copied():
    """The sources of COPY, without the slash at the end of a folder."""
    return [source.rstrip("/") for value in values("COPY") for source in value.split()[:-1]]


# The files


def test_linters_find_nothing():
    for command in (["hadolint", "Dockerfile"], ["shellcheck", "docker/entrypoint.sh", "docker/run.sh"]):
        found = subprocess.run([SCRIPTS / command[0], *command[1:]], cwd=REPOSITORY, capture_output=True, text=True)
        assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_comments_are_dropped_and_continued_lines_joined():
    assert rehearse.instructions("# first\nENV A=1 \\\n# between\n    B=2\n\nRUN true\n") == [
        ("ENV", "A=1 B=2"),
        ("RUN", "true"),
    ]


@pytest.mark.parametrize(
    ("path", "out"),
    [
        (".git/config", True),
        (".venv/bin/python", True),
        ("gtsrb/GTSRB/Final_Test/Images/00000.ppm", True),
        ("docker/entrypoint.sh", False),
        ("docker/run.sh", True),
        ("examples/report.pdf", True),
        ("examples/source/02_lrp.py", True),
        ("examples/de/02_lrp.ipynb", False),
        ("examples/signs/stop.png", False),
        ("examples/en/.ipynb_checkpoints/01_training-checkpoint.ipynb", True),
        ("weights/README.md", False),
        ("weights/clean.safetensors", False),
        ("xaisigns/__init__.py", False),
        ("xaisigns/cli/__pycache__/explain.pyc", True),
        ("xaisigns.safetensors", True),
    ],
)
def test_dockerignore_lets_only_the_images_files_through(path, out):
    assert rehearse.ignored(path) is out


def test_what_copy_names_is_there_and_let_through_and_nothing_else_is(tmp_path):
    for number, source in enumerate(copied()):
        rehearse.copy(source, tmp_path / str(number))
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            assert line.removeprefix("!").startswith(tuple(copied()))


def test_what_the_wheel_is_built_from_is_copied():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = PROJECT["project"]
    needed = [*wheel["packages"], *wheel["force-include"], project["readme"], *project["license-files"]]
    for path in needed:
        assert path.split("/")[0] in copied()
        assert not rehearse.ignored(path)


def test_every_command_of_a_step_comes_with_the_base_image_or_an_earlier_step():
    known = {"python", "pip", "sh", "useradd", "chmod", "install"}  # Python's image, which is Debian
    for value in values("RUN"):
        for command in value.split(" && "):
            assert command.split()[0] in known
            known |= set(re.findall(r"^pip install --no-cache-dir (\w+)==", command))
    for value in values("ENTRYPOINT") + values("HEALTHCHECK"):
        assert json.loads(value[value.index("[") :])[0] in known


def test_what_the_entrypoint_starts_comes_with_what_is_installed():
    started = re.findall(r"exec (xaisigns|jupyter lab)", ENTRYPOINT.read_text())
    assert started == ["xaisigns", "jupyter lab"]
    assert re.findall(r"exec ", ENTRYPOINT.read_text()) == ["exec "] * 2
    (installed,) = re.findall(r"\.\[([\w,]+)\]", " ".join(values("RUN")))
    extras = PROJECT["project"]["optional-dependencies"]
    assert {"live", "notebook", "report"} == set(installed.split(",")) <= set(extras)
    scripts = {script.name: script.dist.name for script in entry_points(group="console_scripts")}
    assert scripts["xaisigns"] == "xaisigns"
    assert scripts["jupyter-lab"] == "jupyterlab"  # the command that `jupyter lab` looks for
    assert any(re.match(r"jupyterlab\b", needed) for needed in extras["notebook"])
    assert scripts["jupyter"] == "jupyter_core"
    assert any(re.match(r"jupyter[-_]core\b", needed) for needed in distribution("jupyterlab").requires)


def test_the_image_runs_the_files_that_it_copies_and_not_as_root():
    assert values("USER")[-1] == "1000"
    folder = values("WORKDIR")[0]
    for instruction, file in (("ENTRYPOINT", ENTRYPOINT), ("HEALTHCHECK", HEALTHCHECK)):
        (value,) = values(instruction)
        path = json.loads(value[value.index("[") :])[-1]
        assert path == f"{folder}/{file.relative_to(REPOSITORY)}"
        assert f"docker/{file.name}" in copied()
    assert "examples" in copied()  # beside docker/, where the entrypoint looks for it
    assert values("VOLUME") == [settings()["XAISIGNS_CACHE"]]
    assert values("EXPOSE") == [settings()["JUPYTER_PORT"]]


def test_compose_builds_and_runs_the_same_image():
    compose = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
    ((name, lab),) = compose["services"].items()
    assert name == "lab"
    assert lab["build"] == "."
    assert lab["image"] == "xaisigns"
    assert lab["init"] is True
    assert lab["user"] == f"${{XAISIGNS_USER:-{values('USER')[-1]}:1000}}"
    assert lab["ports"] == [f"127.0.0.1:{settings()['JUPYTER_PORT']}:{settings()['JUPYTER_PORT']}"]
    assert lab["environment"] == ["JUPYTER_TOKEN", "XAISIGNS_LANG"]
    assert lab["volumes"] == [f".:{values('WORKDIR')[-1]}", f"cache:{settings()['XAISIGNS_CACHE']}"]
    assert compose["volumes"] == {"cache": {"name": "xaisigns-cache"}}
    assert set(compose) == {"services", "volumes"}
    assert set(lab) == {"build", "image", "init", "user", "ports", "environment", "volumes"}


# The entrypoint


@pytest.fixture
def fakes(tmp_path):
    """A folder for programs that stand in for others, first on the PATH; each writes its arguments, one a line."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def fake(name, script='printf "%s\\n" "$@"'):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder

    return fake


def enter(*arguments, folder, bin_folder=None, **more):
    environment = os.environ | {"HOME": str(folder)}
    environment["PATH"] = ":".join(map(str, filter(None, [bin_folder, SCRIPTS, os.environ["PATH"]])))
    command = ["sh", ENTRYPOINT, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, **more)


@pytest.mark.parametrize("arguments", [[], ["lab"]])
def test_the_entrypoint_starts_jupyterlab_with_a_copy_of_the_examples(arguments, tmp_path, fakes):
    (tmp_path / ".xaisigns-examples.part").mkdir()  # left by a copy that was interrupted
    ended = enter(*arguments, folder=tmp_path, bin_folder=fakes("jupyter"))
    started = ended.stdout.split()
    assert started[:3] == ["lab", "--ip=0.0.0.0", "--no-browser"]
    assert not any("token" in word or "password" in word for word in started)  # asked for unless told otherwise
    copy, original = tmp_path / "xaisigns-examples/examples", REPOSITORY / "examples"
    assert sorted(path.name for path in copy.iterdir()) == sorted(path.name for path in original.iterdir())
    for notebook in copy.glob("*/*.ipynb"):
        for link in re.findall(r"\]\(([^)#]+)\)", notebook.read_text()):
            assert (notebook.parent / link).exists(), f"{notebook.name} points at {link}"
    (copy / "signs" / "stop.png").write_text("mine")
    enter(*arguments, folder=tmp_path, bin_folder=fakes("jupyter"))
    assert (copy / "signs" / "stop.png").read_text() == "mine"
    assert not (copy / "examples").exists()


def test_the_entrypoint_hands_arguments_to_xaisigns_as_they_are(tmp_path, fakes):
    ended = enter("explain", "my sign.png", "--out", "", folder=tmp_path, bin_folder=fakes("xaisigns"))
    assert ended.stdout == "explain\nmy sign.png\n--out\n\n"
    assert not (tmp_path / "xaisigns-examples").exists()


def test_the_entrypoint_runs_the_real_command_line(tmp_path):
    helped = enter("--help", folder=tmp_path)
    assert helped.returncode == 0
    assert "Usage: xaisigns" in helped.stdout
    assert enter("explian", folder=tmp_path).returncode == 2


def test_a_folder_that_cannot_be_written_is_said_to_be_so(tmp_path):
    tmp_path.chmod(0o555)
    # Root may write everywhere: as somebody else, who need not be able to read the script.
    other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    command = ["sh", "-c", ENTRYPOINT.read_text(), ENTRYPOINT]
    ended = subprocess.run(command, cwd=tmp_path, env={"PATH": os.defpath}, capture_output=True, text=True, **other)
    tmp_path.chmod(0o755)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("xaisigns: user ")
    assert str(tmp_path) in ended.stderr
    assert '--user "$(id -u):$(id -g)"' in ended.stderr


# Health, and JupyterLab


def health(home, port):
    environment = os.environ | {"HOME": str(home), "JUPYTER_PORT": str(port)}
    return subprocess.run([sys.executable, HEALTHCHECK], env=environment, capture_output=True, text=True)


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_container_that_runs_one_command_is_healthy(tmp_path, port):
    ended = health(tmp_path, port)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_jupyterlab_that_does_not_answer_is_not_healthy(tmp_path, port, fakes):
    enter(folder=tmp_path, bin_folder=fakes("jupyter"))
    ended = health(tmp_path, port)
    assert ended.returncode == 1
    assert ended.stderr.startswith("JupyterLab does not answer: ")


def test_jupyterlab_that_answers_with_an_error_is_not_healthy(tmp_path, fakes):
    enter(folder=tmp_path, bin_folder=fakes("jupyter"))
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:  # 501 to everything
        server.timeout = 10
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        ended = health(tmp_path, server.server_port)
        thread.join()
    assert ended.returncode == 1
    assert ended.stderr.startswith("JupyterLab answers 501 ")


def test_jupyterlab_asks_for_its_token_is_healthy_and_ends_when_told(tmp_path, port):
    def get(path, token=None):
        headers = {"Authorization": f"token {token}"} if token else {}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
            ) as got:
                return got.status, json.load(got)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, None

    (tmp_path / ".jupyter").mkdir()  # the tests may be run by root, the container is not
    (tmp_path / ".jupyter" / "jupyter_server_config.json").write_text('{"ServerApp": {"allow_root": true}}')
    mine = {"HOME": str(tmp_path), "JUPYTER_PORT": str(port), "JUPYTER_TOKEN": "opensesame"}
    mine["PATH"] = f"{SCRIPTS}:{os.environ['PATH']}"
    log = tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            ["sh", ENTRYPOINT], cwd=tmp_path, env=os.environ | mine, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(300):
            if server.poll() is not None or f"127.0.0.1:{port}/lab" in log.read_text():
                break
            time.sleep(0.1)
        assert server.poll() is None, log.read_text()
        ended = health(tmp_path, port)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert get("/api/contents") == (403, None)
        assert get("/api/contents", "wrong") == (403, None)
        status, listing = get("/api/contents", "opensesame")
        assert status == 200
        assert "xaisigns-examples" in [entry["name"] for entry in listing["content"]]
        assert get("/api/kernelspecs", "opensesame")[1]["default"] == "python3"
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    finally:
        server.kill()
        server.wait()


# The scripts that build and run


def docker(tmp_path, fakes, *, there=True, answers=True, builds=True):
    """A stand-in for docker that appends each command to the file ``calls``."""
    results = {"info": answers, "image": there, "build": builds}
    cases = "\n".join(f"{name}) exit {int(not good)} ;;" for name, good in results.items())
    return fakes("docker", f'echo "$*" >> "{tmp_path}/calls"\ncase $1 in\n{cases}\nesac')


def run_script(*arguments, folder, bin_folder):
    command = [shutil.which("bash"), REPOSITORY / "docker" / "run.sh", *arguments]
    environment = os.environ | {"PATH": f"{bin_folder}:{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def calls(tmp_path):
    return (tmp_path / "calls").read_text().splitlines()


def test_the_script_builds_the_image_once_and_runs_jupyterlab(tmp_path, fakes):
    ended = run_script(folder=tmp_path, bin_folder=docker(tmp_path, fakes, there=False))
    assert (ended.returncode, ended.stderr) == (0, "")
    run = (
        f"run --rm --init --volume {tmp_path}:/workspace --volume xaisigns-cache:/cache --env XAISIGNS_LANG "
        f"--user {os.getuid()}:{os.getgid()} --publish 127.0.0.1:8888:8888 --env JUPYTER_TOKEN xaisigns"
    )
    info, inspect, build, last = calls(tmp_path)
    assert (info, inspect, last) == ("info", "image inspect xaisigns", run)
    assert build.startswith("build --tag xaisigns ")
    assert Path(build.split()[-1]).resolve() == REPOSITORY
    run_script(folder=tmp_path, bin_folder=docker(tmp_path, fakes, there=True))
    assert calls(tmp_path)[4:] == [info, inspect, run]


def test_the_script_runs_a_command_in_the_current_folder(tmp_path, fakes):
    run_script("explain", "sign.png", "--json", folder=tmp_path, bin_folder=docker(tmp_path, fakes))
    assert calls(tmp_path)[-1].endswith(f"--user {os.getuid()}:{os.getgid()} xaisigns explain sign.png --json")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"answers": False}, "docker/run.sh: Docker's engine does not answer; start"),
        ({"builds": False, "there": False}, ""),
    ],
)
def test_the_script_runs_nothing_where_it_cannot(state, message, tmp_path, fakes):
    ended = run_script(folder=tmp_path, bin_folder=docker(tmp_path, fakes, **state))
    assert ended.returncode == 1
    assert ended.stderr.startswith(message)
    assert not [call for call in calls(tmp_path) if call.startswith("run")]


def test_the_script_says_where_docker_is_to_be_had(tmp_path):
    command = [shutil.which("bash"), REPOSITORY / "docker" / "run.sh"]
    ended = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith("docker/run.sh: docker was not found; install Docker (docs.docker.com/get-docker)")


def errors(powershell):
    """The places where it cannot be parsed."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    waiting, found = [parser.parse(powershell.encode()).root_node], []
    while waiting:
        node = waiting.pop()
        found += [node.start_point] if node.is_error or node.is_missing else []
        waiting += node.children
    return found


def test_the_script_for_windows_is_powershell_and_says_the_same_to_docker(tmp_path, fakes):
    script = (REPOSITORY / "docker" / "run.ps1").read_text()
    assert errors(script.replace("'xaisigns-cache:/cache'", "'xaisigns-cache:/cache"))  # a quote less is noticed
    assert errors(script) == []
    run_script(folder=tmp_path, bin_folder=docker(tmp_path, fakes, there=False))
    info, inspect, _, run = calls(tmp_path)
    assert all(f"docker {line} *> $null" in script for line in (info, inspect))
    for option in re.findall(r"--(?:volume|publish|env) \S+|--rm|--init", run.replace(str(tmp_path), "${folder}")):
        name, _, value = option.partition(" ")
        assert re.search(rf"'{name}'" + (rf""", ['"]{re.escape(value)}['"]""" if value else ""), script)
