"""Perform the Dockerfile's steps in a fresh folder, and explain the example signs with what they installed.

The folder stands in for the root of a container, this machine and its Python for the base image. The steps are read
from the Dockerfile; those that only an engine, or root in a container, can perform are named and left out. One thing is
done beforehand: PyTorch and what it needs are linked from the environment that runs this, since the index of the CPU
builds may be out of reach; uv's step then has nothing to fetch. It takes 1 GB, in memory where there is plenty.
"""

import json
import os
import re
import shlex
import shutil
import string
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import files, requires
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")  # a disk takes longer


def main() -> None:
    """Build, explain, and check that the pictures are there."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4e9
    with tempfile.TemporaryDirectory(prefix="xaisigns-", dir=MEMORY if roomy else None) as temporary:
        environment, folder, commands = build(Path(temporary).resolve())

        def run(*command: str | Path) -> str:
            return subprocess.run(command, env=environment, cwd=folder, check=True, text=True, stdout=-1).stdout

        installed = run("python", "-c", "import xaisigns; print(xaisigns.__file__)").strip()
        if not installed.startswith(environment["VIRTUAL_ENV"]):
            sys.exit(f"xaisigns must come from {environment['VIRTUAL_ENV']}, came from {installed}")
        signs = sorted((REPOSITORY / "examples" / "signs").glob("*.png"))
        run(*commands["ENTRYPOINT"], "explain", *signs, "--out", "heatmaps")
        wanted, written = [sign.name for sign in signs], sorted(path.name for path in (folder / "heatmaps").iterdir())
        if written != wanted:
            sys.exit(f"explain must write {wanted}, wrote {written}")
        run(*commands["HEALTHCHECK"])
    print(f"explained {', '.join(written)}")


def build(root: Path) -> tuple[dict[str, str], Path, dict[str, list[str]]]:
    """Environment, working directory, and the commands of ENTRYPOINT and HEALTHCHECK; ``root`` is the image's /."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "XAISIGNS_CACHE")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["TMPDIR"] = f"{root}/tmp"
    Path(environment["TMPDIR"]).mkdir()
    folder, commands = root, {}

    def in_root(path: str) -> str:
        return f"{root}{path}" if path.startswith("/") else path

    def shell(command: str) -> None:
        subprocess.run(["sh", "-euc", command], env=environment, cwd=folder, check=True)

    for instruction, value in instructions((REPOSITORY / "Dockerfile").read_text()):
        print(instruction, value, flush=True)
        match instruction:
            case "ARG":
                name, _, default = value.partition("=")
                environment[name] = default
            case "ENV":
                for name, _, setting in (word.partition("=") for word in shlex.split(value)):
                    environment[name] = string.Template(in_root(setting)).substitute(environment)
            case "WORKDIR":
                folder = Path(in_root(value))
                folder.mkdir(parents=True, exist_ok=True)
            case "COPY":
                *sources, target = value.split()
                for source in sources:
                    copy(source, folder / in_root(target))
            case "RUN" if value.startswith(("apt-get ", "useradd ")):
                print("  left out: it is for root in a container", flush=True)
            case "RUN" if re.search(r"(^|[\s'\"=])/", value):
                sys.exit("  cannot be rehearsed: it names a place in the container; let a variable name it")
            case "RUN":
                if "--torch-backend" in value:
                    shell("pip uninstall --quiet --yes setuptools")  # some versions of Python bring an old one
                    link_to_ours(needed("torch") | needed("torchvision"), environment["VIRTUAL_ENV"])
                shell(value)
            case "ENTRYPOINT" | "HEALTHCHECK":
                commands[instruction] = [in_root(word) for word in json.loads(value[value.index("[") :])]
            case _:
                print("  left out: it is for an engine", flush=True)
    return environment, folder, commands


def needed(package: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """The package and all that it needs in turn, as it is installed where this runs."""
    found = {package}
    for requirement in map(Requirement, requires(package) or []):
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": name}) for name in ("", *extras)):
            found |= needed(requirement.name, frozenset(requirement.extras))
    return found


def link_to_ours(packages: set[str], environment: str) -> None:
    """Link the files of installed packages into a virtual environment, file by file: what replaces one leaves ours."""
    place = Path(sysconfig.get_path("purelib", vars={"base": environment}))
    for package in packages:
        for file in files(package) or []:
            link, own = place / file, ".." not in file.parts  # programs name the environment that they belong to
            if own and not link.is_symlink():  # some packages have a file in common
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file.locate())


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each with what follows it; comments dropped, continued lines joined."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, value) for name, _, value in (line.partition(" ") for line in joined.splitlines())]


def copy(source: str, target: Path) -> None:
    """Copy a file into the folder ``target``, or what is in a folder into it, as COPY does: less what is ignored."""
    start = REPOSITORY / source
    files = sorted(path for path in start.rglob("*") if path.is_file()) if start.is_dir() else [start]
    let_through = [path for path in files if not ignored(path.relative_to(REPOSITORY).as_posix())]
    if not let_through:
        sys.exit(f"  nothing to copy: there is no {source}, or .dockerignore keeps it out")
    for path in let_through:
        place = target / path.relative_to(start if start.is_dir() else start.parent)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a file out: the last line that matches it, or a folder that it is in, decides."""
    parts = path.split("/")
    matched = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    verdict = False
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if line and not line.startswith("#") and any(re.fullmatch(pattern, each) for each in matched):
            verdict = not line.startswith("!")
    return verdict


if __name__ == "__main__":
    main()
