"""The interface of this process: the parts of the native runner's command line that fit TensorFlow, and exit codes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, NoReturn

MEASURED = 0
FAILED = 1
BAD_ARGUMENT = 2
UNSUPPORTED = 3
NOT_WRITTEN = 4

_LONGEST_MESSAGE = 600

BACKENDS = ("cpu", "gpu")
PASSES = ("timing", "kernels", "memory")
CACHES = ("as found", "cold", "warm")
ANSWERS = ("first", "last")
DTYPES = ("float32", "int32", "int64", "int8", "uint8", "bool")

_MOST_THREADS = 256
_MOST_PREDICTIONS = 1_000_000
_MOST_SECONDS = 86400.0
_MOST_SAMPLES = 65536
_MOST_ELEMENTS = 2**30
_MOST_DIMENSIONS = 8
_LONGEST_PERIOD_MS = 60_000.0


class Problem(Exception):
    """Why there is no measurement, as a clause.

    Args:
        reason: in plain words, or in TensorFlow's own.
        exit_code: exit code of the process.
    """

    def __init__(self, reason: str, exit_code: int = FAILED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.exit_code = exit_code


def words(error: BaseException) -> str:
    """A library's error message on one line, shortened for display."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]} …"


@dataclass(frozen=True)
class Input:
    """One tensor of the SavedModel's signature, and how it is filled."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    kind: Literal["uniform", "integers", "file"]
    low: float = 0.0
    high: float = 0.0
    """Upper bound of the values, exclusive."""
    file: Path | None = None


@dataclass(frozen=True)
class Options:
    """What to measure, and how often."""

    backend: str
    pass_: Literal["timing", "kernels", "memory"]
    threads: int
    min_predictions: int
    max_predictions: int
    max_seconds: float
    samples: int
    answer: Literal["first", "last"]
    """The inference whose outputs are in the answer."""
    model: Path
    signature: str
    affinity: str
    priority: int | None
    """Nice value; None: not changed."""
    page_cache: Literal["as found", "cold", "warm"]
    memory_period_ms: float
    scratch: Path | None
    inputs: tuple[Input, ...]
    outputs: dict[str, str]
    """Canonical name to the signature's name."""


def parse(arguments: Sequence[str]) -> Options:
    """Parse the command line.

    Raises:
        Problem: an argument is not usable; exit code 2.
    """
    given = _parser().parse_args(arguments)
    if given.min_predictions > given.max_predictions:
        raise _unusable(f"--min-predictions {given.min_predictions} is above --max-predictions {given.max_predictions}")
    outputs = dict(given.output)
    if len(outputs) < len(given.output) or len({one.name for one in given.input}) < len(given.input):
        raise _unusable("an --input or --output is given twice")
    return Options(
        backend=given.backend,
        pass_=given.pass_,
        threads=given.threads,
        min_predictions=given.min_predictions,
        max_predictions=given.max_predictions,
        max_seconds=given.max_seconds,
        samples=given.samples,
        answer=given.answer,
        model=given.model,
        signature=given.signature,
        affinity=given.affinity,
        priority=given.priority,
        page_cache=given.page_cache,
        memory_period_ms=given.memory_period,
        scratch=given.scratch,
        inputs=tuple(given.input),
        outputs=outputs,
    )


def pass_asked(arguments: Sequence[str]) -> Literal["timing", "kernels", "memory"]:
    """The pass that the arguments name, even if others are unusable; the answer that reports the error needs it."""
    for flag, value in pairwise(arguments):
        if flag == "--pass" and value in PASSES:
            return value  # type: ignore[return-value]
    return "timing"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _unusable(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="tensorflow_worker", allow_abbrev=False, add_help=False)
    parser.add_argument("--engine", choices=["tensorflow"], default="tensorflow")
    parser.add_argument("--backend", choices=BACKENDS, default="cpu")
    parser.add_argument("--pass", dest="pass_", choices=PASSES, default="timing")
    parser.add_argument("--threads", type=_whole(1, _MOST_THREADS), default=1)
    parser.add_argument("--min-predictions", type=_whole(1, _MOST_PREDICTIONS), default=1)
    parser.add_argument("--max-predictions", type=_whole(1, _MOST_PREDICTIONS), required=True)
    parser.add_argument("--max-seconds", type=_number(0.0, _MOST_SECONDS), required=True)
    parser.add_argument("--samples", type=_whole(1, _MOST_SAMPLES), default=64)
    parser.add_argument("--answer", choices=ANSWERS, default="last")
    parser.add_argument("--model", type=Path, required=True, help="the saved_model.pb")
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--affinity", default="none")
    parser.add_argument("--priority", type=_whole(-20, 19))
    parser.add_argument("--page-cache", choices=CACHES, default="as found")
    parser.add_argument("--memory-period", type=_number(0.0, _LONGEST_PERIOD_MS), default=10.0, help="milliseconds")
    parser.add_argument("--scratch", type=Path, help="where this process may write")
    parser.add_argument("--input", action="append", type=_input, required=True, help="NAME,DTYPE,SHAPE,FILL")
    parser.add_argument("--output", action="append", type=_output, required=True, help="CANONICAL=NAME")
    return parser


class _whole:  # noqa: N801 - argparse shows the callable's name as the type
    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most
        self.__name__ = f"whole number from {least} to {most}"

    def __call__(self, text: str) -> int:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
            raise ValueError
        if not self._least <= int(text) <= self._most:
            raise ValueError
        return int(text)


class _number:  # noqa: N801
    def __init__(self, above: float, most: float) -> None:
        self._above, self._most = above, most
        self.__name__ = f"number above {above:g} and up to {most:g}"

    def __call__(self, text: str) -> float:
        value = float(text)
        if not self._above < value <= self._most:
            raise ValueError
        return value


def _input(text: str) -> Input:
    """`NAME,DTYPE,SHAPE,FILL`; a name may hold commas."""
    parts = text.rsplit(",", 3)
    if len(parts) != 4 or not parts[0]:
        raise argparse.ArgumentTypeError(f"`{text}` is not NAME,DTYPE,SHAPE,FILL")
    name, dtype, shape, fill = parts
    if dtype not in DTYPES:
        raise argparse.ArgumentTypeError(f"`{text}`: no input can be {dtype}; known are {', '.join(DTYPES)}")
    kind, _, detail = fill.partition(":")
    dims = _shape(text, shape)
    if kind == "file" and detail:
        return Input(name, dtype, dims, "file", file=Path(detail))
    low, high = _bounds(text, kind, detail)
    return Input(name, dtype, dims, "uniform" if kind == "uniform" else "integers", low, high)


def _shape(text: str, shape: str) -> tuple[int, ...]:
    sizes = shape.removeprefix("open:")
    if sizes == "scalar":
        return ()
    parts = sizes.split("x")
    if len(parts) > _MOST_DIMENSIONS or not all(
        part.isascii() and part.isdecimal() and len(part) < 11 for part in parts
    ):
        raise argparse.ArgumentTypeError(f"`{text}`: {shape} is not a shape such as 1x224x224x3")
    dims = tuple(int(part) for part in parts)
    if not 0 < math.prod(dims) <= _MOST_ELEMENTS:
        raise argparse.ArgumentTypeError(f"`{text}`: a tensor holds from 1 to {_MOST_ELEMENTS} elements")
    return dims


def _bounds(text: str, kind: str, detail: str) -> tuple[float, float]:
    problem = argparse.ArgumentTypeError(f"`{text}`: the fill is not uniform:LOW:HIGH, integers:LOW:HIGH or file:PATH")
    if kind not in ("uniform", "integers"):
        raise problem
    try:
        low, high = (float(bound) for bound in detail.split(":"))
    except ValueError:
        raise problem from None
    whole = kind == "uniform" or (low.is_integer() and high.is_integer() and high - low < 2**32)
    if not (math.isfinite(low) and math.isfinite(high) and low < high and whole):
        raise problem
    return low, high


def _output(text: str) -> tuple[str, str]:
    canonical, _, name = text.partition("=")
    if not canonical or not name:
        raise argparse.ArgumentTypeError(f"`{text}` is not CANONICAL=NAME")
    return canonical, name


def _unusable(message: str) -> Problem:
    return Problem(message, BAD_ARGUMENT)
