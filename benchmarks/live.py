"""How fast the live page answers: `python benchmarks/live.py [--seconds 10] [--clients 50]`.

A server of its own process shows the stickered model, 64 px, LRP with the default composite. Measured are: answers a
second to one client that asks again as soon as it is answered; milliseconds from a pointer's event to the picture that
shows its answer, in Chromium while a sticker is dragged, stale answers dropped; and how many answers each of many
clients gets at once, with the server's memory before and after.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import sync_playwright
from websockets.sync.client import connect

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_STICKER = {"size": 0.28, "angle": 0, "colour": [14, 14, 16], "shape": "rectangle", "patch": None}
_QUESTION = {
    "method": "lrp",
    "composite": "epsilon_gamma_box",
    "gamma": 0.05,
    "target": None,
    "against": None,
    "layer": None,
}


def main() -> None:
    """Print all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=50)
    wanted = parser.parse_args()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with server() as (address, process):
        times = asked(address, 2)  # what is imported and made ready at first
        times = asked(address, wanted.seconds)
        print(f"one client: {len(times) / sum(times):.1f} answers a second, median {1000 * median(times):.0f} ms")
        shown = dragged(address, wanted.seconds)
        print(
            f"in the browser: {len(shown) / wanted.seconds:.1f} pictures a second; from pointer to picture "
            f"median {median(shown):.0f} ms, 95 % within {quantiles(shown, n=20)[-1]:.0f} ms"
        )
        before = memory(process.pid)
        counts = together(address, wanted.clients, wanted.seconds)
        print(
            f"{wanted.clients} clients: {sum(counts) / wanted.seconds:.1f} answers a second in all, "
            f"{min(counts)} to {max(counts)} each; memory {before:.0f} MB before, {memory(process.pid):.0f} MB after"
        )


@contextlib.contextmanager
def server() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server's address, and its process."""
    command = [sys.executable, "-m", "xaisigns", "live", "--port", "0", "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        document = "".join(iter(process.stdout.readline, "}\n")) + "}"
        try:
            yield json.loads(document)["address"], process
        finally:
            process.terminate()


def asked(address: str, seconds: float, seed: int = 0) -> list[float]:
    """Seconds that each answer took, one question after the other, each with the sticker elsewhere."""
    drawn, times = random.Random(seed), []
    with connect(f"{address.replace('http', 'ws', 1)}talk", max_size=None, open_timeout=60) as talk:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.perf_counter()
            talk.send(question(drawn))
            told = json.loads(talk.recv())
            assert told["kind"] == "answer", told
            times.append(time.perf_counter() - begun)
    return times


def question(drawn: random.Random) -> str:
    """What a page sends while a sticker is dragged."""
    return json.dumps(
        {
            "number": 1,
            "wants": "answer",
            "language": "en",
            "picture": {"kind": "drawn", "class_id": 2, "seed": 1132},
            "has_picture": True,
            "sticker": {**_STICKER, "x": drawn.uniform(0.3, 0.5), "y": drawn.uniform(0.5, 0.7)},
            "strokes": [],
            "question": _QUESTION,
        }
    )


def dragged(address: str, seconds: float) -> list[float]:
    """Milliseconds from a pointer's event to the picture of its answer, of all that were shown during a drag."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page()
        page.goto(f"{address}#on=1")
        page.wait_for_selector("body[data-answer]")
        box = page.locator("#sign").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.64 * box["height"])
        page.mouse.down()
        page.evaluate("performance.clearMeasures()")
        drawn, end = random.Random(0), time.monotonic() + seconds
        while time.monotonic() < end:
            x, y = drawn.uniform(0.3, 0.5), drawn.uniform(0.5, 0.7)
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=10)
            page.wait_for_timeout(10)
        page.mouse.up()
        found: list[float] = page.evaluate("performance.getEntriesByName('answer').map((one) => one.duration)")
        return found


def together(address: str, clients: int, seconds: float) -> list[int]:
    """How many answers each of so many clients gets at the same time."""
    counts = [0] * clients

    def ask(client: int) -> None:
        counts[client] = len(asked(address, seconds, client))

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def memory(process: int) -> float:
    """Megabytes that a process has in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1000


if __name__ == "__main__":
    main()
