"""The documents, and the blocks of commands, code and files in them."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY

PAGES = {
    path.relative_to(REPOSITORY).as_posix(): path
    for path in (REPOSITORY / "README.md", *sorted(REPOSITORY.glob("docs/**/*.md")), REPOSITORY / "weights/README.md")
}
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """What stands between two fences: its kind (bash, python, toml, text), its text, and the line where this starts."""

    kind: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page from the top to the bottom."""
    text = page.read_text(encoding="utf-8")
    return [Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1) for found in _FENCED.finditer(text)]


def commands(block: Block) -> Iterator[tuple[int, str]]:
    """The commands of a block of bash with their lines; one command may take several lines."""
    waiting: list[str] = []
    for line, text in enumerate(block.text.splitlines(), block.line):
        waiting.append(text)
        command = "\n".join(waiting)
        if not command.endswith("\\") and _is_whole(command):
            yield line - len(waiting) + 1, command
            waiting = []
    if waiting:
        raise ValueError(f"line {block.line}: the block ends inside a command:\n{block.text}")


def command_lines(page: Path) -> set[str]:
    """The commands of a page's blocks of bash, without comments and further spaces."""
    return {
        shlex.join(shlex.split(command, comments=True))
        for block in blocks(page)
        if block.kind == "bash"
        for _, command in commands(block)
    }


def _is_whole(command: str) -> bool:
    read = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
    return read.returncode == 0 and not read.stderr  # bash only warns of a here-document that has no end yet
