"""What commands cost to start, beside `import torch`: `python benchmarks/start.py [--repeats 5]`.

Each is a process of its own, in turn with the others; the least of its processor time counts, so that other programs on
the machine do not. `explain` explains one drawn example with the stickered model.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# In a process of its own: what this one has imported would count as the memory of those that it starts.
_DRAW = """
import sys
from pathlib import Path
from xaisigns.data.drawn.sign import draw_sign
for class_id in (2, 4):
    for split in ("train", "test"):
        place = Path(sys.argv[1], split, str(class_id))
        place.mkdir(parents=True)
        draw_sign(class_id, 48, seed=0).image.save(place / "0.png")
"""
_COMMAND = (sys.executable, "-c", "from xaisigns.cli import main; main()")


def main() -> None:
    """Print seconds of the processor, the ratio to `import torch`, and the peak of the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        commands = {"import torch": (sys.executable, "-c", "import torch"), **commands_in(Path(folder))}
        costs = {name: [cost(command) for command in [command] * repeats] for name, command in commands.items()}
    least = {name: min(seconds for seconds, _ in found) for name, found in costs.items()}
    for name, found in costs.items():
        megabytes = max(memory for _, memory in found)
        ratio = least[name] / least["import torch"]
        print(f"{name:16} {least[name]:6.2f} s  {ratio:5.2f} of import torch  {megabytes:5.0f} MB")


def commands_in(folder: Path) -> dict[str, tuple[str, ...]]:
    """The commands by what they are called here, their files in the folder."""
    signs = folder / "signs"
    subprocess.run([sys.executable, "-c", _DRAW, signs], check=True)
    example = str(signs / "test" / "4" / "0.png")
    explain = (*_COMMAND, "explain", example, "--out", str(folder / "out"), "--force")
    return {
        "--help": (*_COMMAND, "--help"),
        "methods": (*_COMMAND, "methods"),
        "rules --help": (*_COMMAND, "rules", "--help"),
        "data info": (*_COMMAND, "data", "info", str(signs)),
        "explain": explain,
        "explain --ledger": (*explain, "--ledger"),
    }


def cost(command: tuple[str, ...]) -> tuple[float, float]:
    """Seconds of the processor and megabytes at most. Raises RuntimeError where the command fails."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
