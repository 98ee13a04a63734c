"""Feeds broken texts to the parsers of recorders and of the kernel's tables; stops at the first not taken well.

`python scripts/fuzz_recorders.py --seconds 60`, from the repository's root; each parser gets as many seconds. Texts are
what phones of many families say, changed at random places, and numbers that are huge, negative or not finite. Any
exception, a value that is not a finite number, or more than 2 s of processor time is a find.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.fuzzing import fuzz, options_of, went_wrong
from scripts.mutation import texts
from tests.recorders.parsers import PARSERS, require_sound, seeds

LONGEST = 200_000
"""Bytes of a text."""


def inputs(name: str, rng: random.Random) -> Iterator[str]:
    """Endless changes of a parser's texts."""
    corpus = seeds()[name]
    yield from corpus
    yield from texts(corpus, rng, LONGEST, ("replace", "surrogateescape"))


def try_one(name: str, text: str) -> str | None:
    """Give one text to a parser; return what went wrong."""
    return went_wrong(lambda: require_sound(PARSERS[name](text)))


def main() -> int:
    """Give each parser as many seconds."""
    options = options_of(__doc__, "parser", PARSERS)
    parts = options.parts or list(PARSERS)
    return fuzz(parts, inputs, try_one, seconds=options.seconds, seed=options.seed, noun="texts", shown=2000)


if __name__ == "__main__":
    sys.exit(main())
