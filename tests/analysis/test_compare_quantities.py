"""Energy and memory of two runs: what is called more, what cannot be told, and how often nothing is called a change."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mobilebench.analysis.compare import compare, with_calls
from mobilebench.analysis.compare_quantities import ASSUMED, with_quantities
from mobilebench.analysis.quantities import QuantityChange, Resource
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Run
from mobilebench.verdicts.reading import judge_run
from tests.analysis import example
from tests.analysis.resources import with_resources
from tests.analysis.runs import ORT, TFLITE, run_of, times

BOTH: tuple[Resource, ...] = ("energy", "memory")


def made(
    number: int, memory: int | None = 50_000, energy: Sequence[float] = (2000, 2010, 1990), **options: object
) -> Run:
    run = run_of(number, {TFLITE: times(), ORT: times()}, **options)  # type: ignore[arg-type]
    return with_resources(run, memory={TFLITE: memory}, energy={TFLITE: energy} if energy else None)


def summary(run: Run) -> RunSummary:
    return summarise(judge_run(run))


def compared(before: Run, after: Run, *earlier: Run, resources: Sequence[Resource] = BOTH) -> list[QuantityChange]:
    """The quantities of both cases, after the correction."""
    first, second, *others = map(summary, (before, after, *earlier))
    found = with_quantities(compare(first, second), first, second, resources=resources, earlier=others)
    return [one for case in with_calls(found.cases) for one in case.quantities]


def test_more_energy_and_more_memory_are_called_so_and_less_too() -> None:
    memory, energy = "memory (peak RSS)", "energy (meter)"
    found = {one.name: one for one in compared(made(1), made(2, 75_000, (3000, 3010, 2990)))}
    assert {name: one.call for name, one in found.items()} == {energy: "more", memory: "more"}
    assert found[memory].ratio == pytest.approx(1.5)
    assert (found[memory].before, found[memory].after) == (50_000, 75_000)
    assert found[energy].ratio == pytest.approx(1.5, rel=0.01)
    assert found[energy].before == pytest.approx(2000 * 0.02, rel=0.01), "mJ for an inference of 20 ms"
    back = {one.name: one.call for one in compared(made(1, 75_000, (3000, 3010, 2990)), made(2))}
    assert back == {energy: "less", memory: "less"}


def test_a_small_difference_is_no_change() -> None:
    assert {one.call for one in compared(made(1), made(2, 51_000, (2040, 2050, 2030)))} == {"no change"}


def test_only_what_is_asked_for_and_planned_is_compared() -> None:
    assert [one.kind for one in compared(made(1), made(2), resources=["memory"])] == ["memory"]
    assert [one.kind for one in compared(made(1), made(2, energy=()))] == ["memory"]


def test_what_cannot_be_told_has_the_reason() -> None:
    (energy, memory) = compared(made(1, energy=()), made(2, None))
    assert (energy.call, energy.reason) == ("cannot be told", "the first run did not measure its energy")
    assert memory.reason == "in the second run its memory is failed (it fell over), and has no value that counts"
    (energy, _) = compared(made(1), made(2, energy=(2000, 2010)))
    assert energy.reason == "the second run has 2 windows with this energy, and a change needs 3"
    (energy, _) = compared(made(1), made(2, energy=(2000, -100, 2010)))
    assert energy.reason == "a window has none above 0"
    (_, memory) = compared(made(1, None), made(2, None))
    assert (memory.name, memory.before, memory.after) == ("memory", None, None)


def test_a_case_without_any_time_cannot_be_told() -> None:
    before, after = made(1, energy=()), made(2, 75_000, ())
    blocks = [
        example.unmeasured(one.planned, "failed", "It fell over.", started=one.started_at)
        if one.planned.case == TFLITE and one.planned.pass_ == "timing"
        else one
        for one in after.blocks
    ]
    (memory,) = compared(before, after.model_copy(update={"blocks": blocks}))
    assert (memory.call, memory.after) == ("cannot be told", 75_000)
    assert memory.reason == "one of the runs measured no time of the case"


def test_earlier_runs_tell_how_much_memory_varies() -> None:
    steady = [made(number, 50_000 + number, ()) for number in range(1, 12)]
    rough = [made(number, round(50_000 * (1 + 0.1 * (-1) ** number)), ()) for number in range(1, 12)]
    before, after = made(12, 50_000, ()), made(13, 54_500, ())
    (alone,) = compared(before, after)
    (told,) = compared(before, after, *steady)
    (untold,) = compared(before, after, *rough)
    assert (alone.call, told.call, untold.call) == ("no change", "more", "no change")
    assert alone.between and told.between and untold.between
    assert (alone.between.deviation, told.between.runs) == (ASSUMED["memory"], 12)
    assert told.between.deviation < alone.between.deviation < untold.between.deviation
    other = [made(number, 50_000 + number, (), version="0.9") for number in range(1, 12)]
    (foreign,) = compared(before, after, *other)
    assert foreign.between == alone.between, "another version of the engine tells nothing"


def test_the_correction_covers_stages_and_quantities_together() -> None:
    (one,) = compared(made(1, energy=()), made(2, 75_000, ()))
    assert one.p and one.corrected_p == pytest.approx(3 * one.p), "two predictions and one memory"
