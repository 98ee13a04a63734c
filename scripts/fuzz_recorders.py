"""Feeds broken texts to the parsers of recorders and stops at the first that is not taken well.

`python scripts/fuzz_recorders.py --seconds 60`, from the repository's root; each parser gets as many seconds. Texts are
what phones of many families say, changed at random places, and numbers that are huge, negative or not finite. Any
exception, a value that is not a finite number, or more than 2 s of processor time is a find.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.fuzz_inspectors import mutate
from scripts.fuzzing import fuzz, options_of, went_wrong
from tests.recorders.parsers import PARSERS, require_sound, seeds

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
    return went_wrong(lambda: require_sound(PARSERS[name](text)))


def main() -> int:
    """Give each parser as many seconds."""
    options = options_of(__doc__, "parser", PARSERS)
    parts = options.parts or list(PARSERS)
    return fuzz(parts, inputs, try_one, seconds=options.seconds, seed=options.seed, noun="texts", shown=2000)


if __name__ == "__main__":
    sys.exit(main())
