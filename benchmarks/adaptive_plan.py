"""How much device time the adaptive plan needs on noisy phones, against a fixed plan of the same error.

Phones are simulated. A phone has two models with four ways to run each, which are partners. The noise of each way has
the shape of noise that was measured on this machine (`process_traces.json`, made by `--collect` from stored runs): a
block draws one of the blocks of a measured case, and predictions of it in their order from a random one on, as
logarithms. Its size is that of quiet cases, so that ±2 % can be reached: a standard deviation between 1 and 6 %
between blocks, and between 1 and 5 % within them. Over device time two things are added, which all cases of the phone
share: drift (a stationary AR(1) process of 2 % that forgets within a minute) and throttling (the phone is 15 % slower
for 30 s at a time, a fifth of the time). The true value of a case is its mean log block median with the mean slowdown
of the session.

- The **adaptive plan** is `run --within 2%` with suite `quick`: three rounds, then further rounds of the partners that
  are not precise, until they are (`statistics.stopping`). A block ends after 20 predictions or 1 s.
- The **fixed plan** runs each case 50 times in one process, and repeats that n times; n is the same for all cases and
  phones, because nobody knows before which of them are noisy. It is the smallest n whose error is at most that of the
  adaptive plan. It is simulated case after case, as most benchmarks do, and in rounds.

Both plans are to be right about every case, so the error of a plan is the largest error of a phone's cases, as the mean
over phones. Promise: where the phone drifts or throttles, at most half of the device time of the fixed plan case after
case; and the stated intervals hold the true value.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobilebench.session.pursuit import MOST_BLOCKS
from mobilebench.statistics.estimates import LEAST_BLOCKS, estimate
from mobilebench.statistics.stopping import LEAST_TO_STOP, further_blocks, precise_enough

TRACES = Path(__file__).with_name("process_traces.json")
PRECISION = 0.02
FIXED_PREDICTIONS = 50
MOST_PREDICTIONS, LEAST_PREDICTIONS, MOST_SECONDS = 20, 3, 1.0
START_SECONDS = 0.7
"""A process, setup and warmup, as native blocks here."""
MODELS_MS = ((15.0, 40.0), (60.0, 200.0))
"""Range of the times of a prediction (ms), by model: small and large ones on phones."""
WAYS = 4
BETWEEN, WITHIN = (0.01, 0.06), (0.01, 0.05)
"""Smallest and largest standard deviation between and within blocks, as logarithms."""
NORMAL_DEVIATIONS = 1.4826
"""Standard deviations of normal values in their median absolute deviation."""
LARGEST_REPEATS = 150
APART = "case by case"

DRIFT, DRIFT_SECONDS = 0.02, 60.0
THROTTLED, THROTTLED_SHARE, THROTTLED_SECONDS = 0.15, 0.2, 30.0

Values = NDArray[np.float64]
Traces = list[list[Values]]
"""By case, the blocks that were measured: logarithms of predictions around the mean of the case."""


@dataclass(frozen=True)
class Phone:
    """Cases by model, and what happens to all of them over device time."""

    cases: list[list[Case]]
    """By model; cases of one model are partners."""
    state: Callable[[Values], Values]
    """Logarithm of the slowdown at these seconds of device time, around its mean."""


class Case:
    """A way to run a model, with the noise of a measured case."""

    def __init__(self, seconds: float, blocks: Sequence[Values]) -> None:
        """`seconds`: time of a prediction; `blocks`: logarithms of predictions, whose blocks are equally likely."""
        self.seconds = seconds
        self.blocks = blocks
        self._expected: dict[int, float] = {}

    def expected(self, predictions: int) -> float:
        """The mean logarithm of the median of so many predictions of a block."""
        if predictions not in self._expected:
            every = [stretch(block, start, predictions) for block in self.blocks for start in range(len(block))]
            self._expected[predictions] = float(np.mean(np.median(every, axis=1)))
        return self._expected[predictions]


def stretch(block: Values, start: int, predictions: int) -> Values:
    """So many predictions of a block in their order; the end is joined to the beginning."""
    return np.asarray(block[(start + np.arange(predictions)) % len(block)], dtype=np.float64)


@dataclass
class Medians:
    """The blocks of a case in a session."""

    case: Case
    times: list[float]
    expected: list[float]
    """For each block, what the logarithm of its median is on average."""

    def error(self, state: float) -> float:
        """How far the estimate is from the true value, as a share; `state` is the mean logarithm of the slowdown."""
        return abs(math.expm1(float(np.mean(np.log(self.times)) - np.mean(self.expected)) - state))

    def holds(self, state: float) -> bool:
        """Whether the interval holds the true value."""
        found = estimate(self.times).interval
        return found is not None and found.holds(math.exp(float(np.mean(self.expected)) + state))


class Session:
    """Measures blocks of a phone one after the other, and counts device time."""

    def __init__(self, phone: Phone, random: np.random.Generator) -> None:
        self._phone = phone
        self._random = random
        self.seconds = 0.0
        self.found = [[Medians(case, [], []) for case in partners] for partners in phone.cases]

    def block(self, of: Medians, predictions: int, limit: float = math.inf) -> None:
        """Measure a block that ends after so many predictions, or after `limit` seconds."""
        case = of.case
        kept = case.blocks[int(self._random.integers(len(case.blocks)))]
        noise = stretch(kept, int(self._random.integers(len(kept))), predictions)
        times = case.seconds * np.exp(noise)
        begun = self.seconds + START_SECONDS + np.cumsum(times) - times
        times = times * np.exp(self._phone.state(begun))
        spent = np.cumsum(times)
        count = min(predictions, max(LEAST_PREDICTIONS, int(np.searchsorted(spent, limit)) + 1))
        self.seconds += START_SECONDS + float(spent[count - 1])
        of.times.append(float(np.median(times[:count])))
        of.expected.append(math.log(case.seconds) + case.expected(count))

    @property
    def every(self) -> list[Medians]:
        """The cases of all models."""
        return [one for partners in self.found for one in partners]

    def outcome(self) -> Outcome:
        """How the session is until now."""
        state = float(self._phone.state(np.arange(0, self.seconds, STEP_SECONDS)).mean())
        every = self.every
        return Outcome(
            self.seconds,
            max(one.error(state) for one in every),
            float(np.mean([one.holds(state) for one in every])),
            float(np.mean([precise_enough(estimate(one.times), PRECISION) for one in every])),
            float(np.mean([len(one.times) for one in every])),
        )


@dataclass(frozen=True)
class Outcome:
    """How a plan ended on one phone."""

    seconds: float
    error: float
    """Largest |estimate / true - 1| of its cases."""
    held: float
    """Share of the cases whose interval holds the true value."""
    precise: float
    """Share of the cases whose interval is within ±2 %."""
    blocks: float
    """Mean number of blocks of a case."""


def adaptive(phone: Phone, random: np.random.Generator) -> Outcome:
    """The plan that continues until each interval is within ±2 %."""
    session = Session(phone, random)
    rounds = [LEAST_BLOCKS] * len(phone.cases)
    while any(rounds):
        for number in range(max(rounds)):
            order = [
                one for partners, more in zip(session.found, rounds, strict=True) if more > number for one in partners
            ]
            for at in random.permutation(len(order)):
                session.block(order[at], MOST_PREDICTIONS, MOST_SECONDS)
        rounds = [max(_further(one.times) for one in partners) for partners in session.found]
    return session.outcome()


def _further(medians: Sequence[float]) -> int:
    count = len(medians)
    return further_blocks(estimate(medians), PRECISION, min(max(count, LEAST_TO_STOP - count), MOST_BLOCKS - count))


def in_rounds(phone: Phone, most: int, random: np.random.Generator) -> list[Outcome]:
    """The plan of 50 predictions in one process, repeated in rounds: its outcome after each round."""
    session, found = Session(phone, random), []
    for _ in range(most):
        for one in session.every:
            session.block(one, FIXED_PREDICTIONS)
        found.append(session.outcome())
    return found


def case_by_case(phone: Phone, repeats: int, random: np.random.Generator) -> Outcome:
    """The plan of 50 predictions in one process, repeated so often for one case after the other."""
    session = Session(phone, random)
    for one in session.every:
        for _ in range(repeats):
            session.block(one, FIXED_PREDICTIONS)
    return session.outcome()


def phones(traces: Traces, state: State, count: int, random: np.random.Generator) -> Iterator[Phone]:
    """So many phones, each with other times and with the noise of other cases."""
    for _ in range(count):
        cases = []
        for low, high in MODELS_MS:
            chosen = [traces[int(one)] for one in random.integers(len(traces), size=WAYS)]
            cases.append([_case(blocks, float(random.uniform(low, high)) / 1000, random) for blocks in chosen])
        yield Phone(cases, state(random))


def _case(blocks: list[Values], seconds: float, random: np.random.Generator) -> Case:
    """A case whose noise has the shape of that of a measured one, and sizes within `BETWEEN` and `WITHIN`."""
    medians = np.asarray([np.median(block) for block in blocks])
    rest = [block - median for block, median in zip(blocks, medians, strict=True)]
    apart = (medians - medians.mean()) * _size(BETWEEN, random) / medians.std()
    factor = _size(WITHIN, random) / (float(np.median(np.abs(np.concatenate(rest)))) * NORMAL_DEVIATIONS)
    return Case(seconds, [one * factor + more for one, more in zip(rest, apart, strict=True)])


def _size(limits: tuple[float, float], random: np.random.Generator) -> float:
    """A standard deviation; small ones are as likely as large ones."""
    low, high = limits
    return math.exp(random.uniform(math.log(low), math.log(high)))


State = Callable[[np.random.Generator], Callable[[Values], Values]]
STEP_SECONDS = 0.5


def steady(random: np.random.Generator) -> Callable[[Values], Values]:
    del random
    return lambda seconds: np.zeros_like(seconds)


def _over_time(begin: float, go: Callable[[float], float]) -> Callable[[Values], Values]:
    """A process in steps of half a second, made as far as it is asked for."""
    made = [begin]

    def at(seconds: Values) -> Values:
        steps = (seconds / STEP_SECONDS).astype(int)
        while len(made) <= int(steps.max()):
            made.append(go(made[-1]))
        return np.asarray([made[step] for step in steps], dtype=np.float64)

    return at


def drift(random: np.random.Generator) -> Callable[[Values], Values]:
    """A stationary AR(1) process."""
    rho = math.exp(-STEP_SECONDS / DRIFT_SECONDS)
    size = DRIFT * math.sqrt(1 - rho**2)
    return _over_time(random.normal(0, DRIFT), lambda before: rho * before + random.normal(0, size))


def throttling(random: np.random.Generator) -> Callable[[Values], Values]:
    """Two states: as fast as usual, and slower; around their mean."""
    slow = math.log1p(THROTTLED)
    leave = STEP_SECONDS / THROTTLED_SECONDS
    enter = leave * THROTTLED_SHARE / (1 - THROTTLED_SHARE)
    mean = slow * THROTTLED_SHARE

    def go(before: float) -> float:
        is_slow = before > 0
        changes = random.random() < (leave if is_slow else enter)
        return (0.0 if is_slow == changes else slow) - mean

    begin = slow if random.random() < THROTTLED_SHARE else 0.0
    return _over_time(begin - mean, go)


def both(random: np.random.Generator) -> Callable[[Values], Values]:
    first, second = drift(random), throttling(random)
    return lambda seconds: first(seconds) + second(seconds)


STATES: dict[str, State] = {
    "noise of processes alone": steady,
    "with drift": drift,
    "with throttling": throttling,
    "with both": both,
}


def measured() -> Traces:
    """The traces of this machine."""
    stored = json.loads(TRACES.read_text(encoding="utf-8"))["cases"]
    return [[np.log(np.asarray(block, dtype=np.float64)) for block in blocks] for blocks in stored.values()]


def error_of(outcomes: Sequence[Outcome]) -> float:
    """The mean error of a plan over phones."""
    return float(np.mean([one.error for one in outcomes]))


def first_below(error: float, of: Callable[[int], list[Outcome]]) -> tuple[int, list[Outcome]] | None:
    """The smallest number of repetitions with at most this error, and how they end; None above `LARGEST_REPEATS`."""
    low, high = 1, LARGEST_REPEATS
    best: tuple[int, list[Outcome]] | None = None
    while low <= high:
        middle = (low + high) // 2
        outcomes = of(middle)
        if error_of(outcomes) <= error:
            best, high = (middle, outcomes), middle - 1
        else:
            low = middle + 1
    return best


def collect(folder: Path) -> None:
    """Store the predictions of the cases of this computer in a store, from all its runs.

    Cases with less than five blocks are left out, and those whose blocks lie so far apart that reports mark them.
    """
    from mobilebench.results.store import Store
    from mobilebench.verdicts.cases import far_apart

    found: dict[str, list[list[float]]] = {}
    with Store.open(folder, create=False) as store:
        runs = [store.load(info.id) for info in store.runs()]
    for block in (block for run in runs for block in run.blocks):
        case, measurement = block.planned.case, block.measurement
        if case.target == "host" and block.planned.pass_ == "timing" and measurement and block.outcome == "measured":
            found.setdefault(case.key, []).append([float(f"{ms:.4g}") for ms in measurement.prediction_ms])
    kept = {
        key: blocks
        for key, blocks in found.items()
        if len(blocks) >= LEAST_TO_STOP and not far_apart([float(np.median(block)) for block in blocks])
    }
    about = f"Predictions (ms) of each block, from {len(runs)} runs on {os.cpu_count()} virtual cores."
    rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(blocks)}" for key, blocks in kept.items())
    TRACES.write_text(f'{{"about": {json.dumps(about)},\n"cases": {{\n{rows}\n}}}}\n', encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a Markdown table; the exit code is 1 if the promise about device time is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phones", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--collect", type=Path, metavar="FOLDER", help="take new traces from the results in this folder"
    )
    chosen = parser.parse_args(arguments)
    if chosen.collect:
        collect(chosen.collect)
    traces, kept = measured(), True
    print("| phones | blocks | within ±2 % | hold | error | time, s | fixed plan | repeats | time, s | ratio |")
    print("|---|---:|---:|---:|---:|---:|---|---:|---:|---:|")
    for name, state in STATES.items():
        made = list(phones(traces, state, chosen.phones, np.random.default_rng(chosen.seed)))
        ours = [adaptive(phone, np.random.default_rng([chosen.seed, at])) for at, phone in enumerate(made)]
        seconds = float(np.mean([one.seconds for one in ours]))
        blocks, precise, held = (
            np.mean([getattr(one, what) for one in ours]) for what in ("blocks", "precise", "held")
        )
        shown = (
            f"{name} | {blocks:.0f} | {precise * 100:.0f} % | {held * 100:.1f} % | {error_of(ours) * 100:.1f} % | "
            f"{seconds:.0f}"
        )
        for plan, of in _fixed_plans(made, chosen.seed).items():
            found = first_below(error_of(ours), of)
            repeats, outcomes = found or (LARGEST_REPEATS, of(LARGEST_REPEATS))
            took = float(np.mean([one.seconds for one in outcomes]))
            kept = kept and (state is steady or plan != APART or seconds <= took / 2)
            more, less = ("", "") if found else ("> ", "< ")
            row = f"{plan} | {more}{repeats} | {more}{took:.0f} | {less}{seconds / took:.2f}"
            print(f"| {shown} | {row} |", flush=True)
    return 0 if kept else 1


def _fixed_plans(made: Sequence[Phone], seed: int) -> dict[str, Callable[[int], list[Outcome]]]:
    """By name, what gives the outcomes of a fixed plan on these phones for a number of repetitions."""
    rounds = [in_rounds(phone, LARGEST_REPEATS, np.random.default_rng([seed, at, 1])) for at, phone in enumerate(made)]

    def apart(repeats: int) -> list[Outcome]:
        return [case_by_case(phone, repeats, np.random.default_rng([seed, at, 2])) for at, phone in enumerate(made)]

    return {APART: apart, "in rounds": lambda repeats: [of[repeats - 1] for of in rounds]}


if __name__ == "__main__":
    sys.exit(main())
