"""What the fuzzers of texts and messages share: a part gets inputs until its time is over or one is not taken well."""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

SLOW_S = 2.0
"""Seconds of processor time."""

T = TypeVar("T", str, bytes)


def went_wrong(take: Callable[[], object]) -> str | None:
    """Let a part take an input; return what went wrong: an exception, or more than `SLOW_S` of processor time."""
    begun = time.process_time()
    try:
        take()
    except Exception:
        return traceback.format_exc()
    took = time.process_time() - begun
    return f"took {took:.1f} s" if took > SLOW_S else None


def options_of(words: str | None, option: str, parts: Iterable[str]) -> argparse.Namespace:
    """The seconds, the seed and the chosen parts; `words` is the script's description."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        f"--{option}", dest="parts", choices=parts, action="append", help=f"a {option} instead of all of them"
    )
    return parser.parse_args()


def fuzz(
    parts: Sequence[str],
    inputs: Callable[[str, random.Random], Iterator[T]],
    try_one: Callable[[str, T], str | None],
    *,
    seconds: float,
    seed: int,
    noun: str = "inputs",
    shown: int | None = None,
) -> int:
    """Give each part so many seconds of inputs; 1 at the first that is not taken well, of which `shown` is printed."""
    for name in parts:
        until, tried = time.monotonic() + seconds, 0
        for one in inputs(name, random.Random(seed)):  # noqa: S311 - reproducible, not secret
            if time.monotonic() > until:
                break
            tried += 1
            if problem := try_one(name, one):
                sys.stdout.write(f"{name}: {one[:shown]!r}\n{problem}\n")
                return 1
        sys.stdout.write(f"{name}: {seconds:.3g} s, {tried} {noun}, nothing found\n")
        sys.stdout.flush()
    return 0
