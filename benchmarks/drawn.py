"""How many drawn signs a core makes in a second: `python benchmarks/drawn.py [--size 64] [--images 2000]`."""

import argparse
import time

from xaisigns.data.drawn.sign import draw_sign


def main() -> None:
    """Draw all classes once (rasterising the faces), then many signs, each in a scene of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--images", type=int, default=2000)
    options = parser.parse_args()
    first = seconds_for(range(43), options.size)
    steady = seconds_for(range(options.images), options.size)
    print(f"{options.size} px: {options.images / steady:.0f} images/s on one core")
    print(f"the first 43, faces rasterised: {first:.2f} s")


def seconds_for(seeds: range, size: int) -> float:
    """Of the processor, so that other programs on the machine do not count."""
    start = time.process_time()
    for seed in seeds:
        draw_sign(seed % 43, size, seed)
    return time.process_time() - start


if __name__ == "__main__":
    main()
