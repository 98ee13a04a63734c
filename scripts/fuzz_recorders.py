"""Feeds broken texts to the parsers of recorders and stops at the first that is not taken well.

`python scripts/fuzz_recorders.py --seconds 60`, from the repository's root; each parser gets as many seconds. Texts are
what phones of many families say, changed at random places, and numbers that are huge, negative or not finite. Any
exception, a value that is not a finite number, or more than 2 s of processor time is a find.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.fuzz_inspectors import mutate
from tests.recorders.parsers import PARSERS, require_sound, seeds

SLOW_S = 2.0
"""Seconds of processor time."""
LONGEST = 200_000
"""Characters of a text."""
_NUMBERS = ("0", "-1", "-0", "1e400", "nan", "inf", "9" * 400, "-9223372036854775808", "4294967295", "²", "0x7f", "1.5")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def inputs(name: str, rng: random.Random) -> Iterator[str]:
    """Endless changes of a parser's texts."""
    corpus = [text.encode() for text in seeds()[name]]
    yield from seeds()[name]
    while True:
        data = rng.choice(corpus)
        if rng.random() < 0.5:
            data = mutate(data, corpus, rng, text=False)
        text = data.decode(errors=rng.choice(("replace", "surrogateescape")))
        if rng.random() < 0.6:
            text = _NUMBER.sub(lambda found: rng.choice(_NUMBERS) if rng.random() < 0.2 else found[0], text)
        if rng.random() < 0.02:
            text *= rng.choice((2, 500))
        yield text[:LONGEST]


def try_one(name: str, text: str) -> str | None:
    """Give one text to a parser; return what went wrong."""
    begun = time.process_time()
    try:
        require_sound(PARSERS[name](text))
    except Exception:
        return traceback.format_exc()
    took = time.process_time() - begun
    return f"took {took:.1f} s" if took > SLOW_S else None


def main() -> int:
    """Give each parser as many seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parser", choices=PARSERS, action="append", help="a parser instead of all of them")
    options = parser.parse_args()
    for name in options.parser or PARSERS:
        rng = random.Random(options.seed)  # noqa: S311 - reproducible, not secret
        until, tried = time.monotonic() + options.seconds, 0
        for text in inputs(name, rng):
            if time.monotonic() > until:
                break
            tried += 1
            if problem := try_one(name, text):
                sys.stdout.write(f"{name}: {text[:2000]!r}\n{problem}\n")
                return 1
        sys.stdout.write(f"{name}: {options.seconds:g} s, {tried} texts, nothing found\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
