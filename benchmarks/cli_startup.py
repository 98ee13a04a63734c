"""How long `mobilebench --help` takes, against an empty two-command Typer application.

Prints the median ratio over interleaved pairs of fresh processes. Promise: at most 1.3.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks.ratios import paired_ratio

EMPTY_APP = """
import typer
app = typer.Typer()
@app.command()
def one() -> None: "One."
@app.command()
def two() -> None: "Two."
app()
"""


def seconds(argv: list[str]) -> float:
    """Wall seconds of one process that prints its help."""
    start = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    pairs = parser.parse_args().pairs
    ours, empty = [], []
    for _ in range(pairs):
        ours.append(seconds([sys.executable, "-m", "mobilebench", "--help"]))
        empty.append(seconds([sys.executable, "-c", EMPTY_APP, "--help"]))
    print(f"`--help` against an empty Typer app: {paired_ratio(ours, empty)}")


if __name__ == "__main__":
    main()
