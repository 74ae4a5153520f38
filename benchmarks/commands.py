"""What commands take: `python -m benchmarks.commands ROOT [--only explain,evaluate]`.

Each of the README's commands that does something with images is run as a process of its own, in an empty folder and
with an empty cache, where what a command wrote is there for those behind it; ROOT stands for "gtsrb". Prints seconds,
those of the processor, and the memory that it had at most, as rows of a table.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = (
    "explain",
    "explain sign.png",
    "compare sign.png --methods lrp,gradcam,edges",
    "evaluate gtsrb --model clean",
    "score gtsrb",
    "score gtsrb --methods composites --masks roi",
    "report --classes 2,4,14 --examples 2 --methods lrp,saliency,gradcam,edges --out drawn.pdf --html drawn.html",
    "report gtsrb --classes 2,4,14 --out few.pdf",
    "report gtsrb --html report.html",
    "audit gtsrb",
    "repair gtsrb --finding audit/findings.json",
    "attribute gtsrb --methods lrp --out lrp-store",
    "train gtsrb --out my.safetensors --sticker-class 4 --epochs 4",
)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--only", default="", help="words with commas between: the commands that begin with one")
    options = parser.parse_args()
    chosen = tuple(options.only.split(","))
    sign = Path(__file__).parents[1] / "examples/signs/speed-50-sticker.png"
    print("| command | seconds | of the processor | largest memory |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(sign, f"{folder}/sign.png")
        (Path(folder) / "gtsrb").symlink_to(options.root.resolve())
        environment = {**os.environ, "XAISIGNS_CACHE": f"{folder}/cache"}
        for command in COMMANDS:
            if not command.startswith(chosen):
                continue
            words, start = [sys.executable, "-m", "xaisigns", *shlex.split(command)], time.perf_counter()
            process = subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds, processor = time.perf_counter() - start, used.ru_utime + used.ru_stime
            failed = " (failed)" if process.returncode else ""
            print(
                f"| `xaisigns {command}`{failed} | {seconds:.1f} | {processor:.0f} | {used.ru_maxrss / 1000:.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
