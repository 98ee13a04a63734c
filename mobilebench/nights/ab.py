"""A/B comparisons: two versions in the same rounds, and the ratio of their paired blocks.

Two engines or browsers are values of an axis, so one run has both in each round. An engine's library is not: there
each round is two runs of one block per case, one for each side, in an order that a seed chooses. Both are paired by
rounds.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mobilebench.analysis import compare as comparing
from mobilebench.analysis.compare import Comparison, MeasuredCase, change_between, measured_cases, with_calls
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Block, PlannedBlock, Run, Stage
from mobilebench.nights import judging, stored
from mobilebench.nights.config import AbStep, Regression, arguments
from mobilebench.nights.records import AbResult, StepRecord
from mobilebench.results.places import Where

SIDES = ("before", "after")


def orders(step: AbStep, seed: str) -> list[str]:
    """The side of each run of a comparison of libraries: a pair for each round, half of which begin with `after`."""
    first = [SIDES if number % 2 == 0 else SIDES[::-1] for number in range(step.rounds)]
    random.Random(f"{seed}:{step.name}").shuffle(first)  # noqa: S311 - an order of measurements, no secret
    return [side for pair in first for side in pair]


def arguments_of(step: AbStep, side: str | None, seed: int) -> list[str]:
    """The options of `run` for a comparison; of one block of one side, if a side is given."""
    typed = ["--suite", step.suite, "--seed", str(seed), *arguments(step.options)]
    if step.engine_library:
        files = step.engine_library.before if side == "before" else step.engine_library.after
        return [*typed, "--blocks", "1", *(word for file in files for word in ("--engine-library", file))]
    typed += ["--blocks", str(step.rounds)]
    if step.engine:
        return [*typed, "--engine", f"{step.engine.before},{step.engine.after}"]
    assert step.browser is not None
    names = []
    for text in (step.browser.before, step.browser.after):
        name, equals, _ = text.partition("=")
        names.append(name)
        typed += ["--browser-path", text] if equals else []
    return [*typed, "--browser", ",".join(names)]


def sides_of(step: AbStep) -> tuple[str, str]:
    """What is compared, in words."""
    if step.engine_library:
        return ", ".join(map(_shown, step.engine_library.before)), ", ".join(map(_shown, step.engine_library.after))
    found = step.engine or step.browser
    assert found is not None
    return _shown(found.before), _shown(found.after)


def _of_sides(reason: str) -> str:
    """A reason about two runs as one about two sides."""
    return re.sub(
        "(in )?the (first|second) run", lambda found: f"{'on ' if found[1] else ''}the {found[2]} side", reason
    )


def _shown(text: str) -> str:
    """`tflite=/opt/a/libtflite.so` as `tflite=a/libtflite.so`: paths of this computer are no part of reports."""
    name, equals, path = text.partition("=")
    return f"{name}{equals}{'/'.join(Path(path).parts[-2:])}" if "/" in path else text


def compared(step: AbStep, record: StepRecord, rules: Regression, where: Where) -> AbResult:
    """The result of a comparison that was measured; with the reason, where nothing can be said."""
    before, after = sides_of(step)
    result = AbResult(step=step.name, before=before, after=after, fails=step.fails)
    try:
        found = _comparison(step, record, list(rules.slower), where)
    except BadInput as error:
        return result.model_copy(update={"problem": error.message})
    changes = judging.of_comparison(found, rules, step.name, None)
    return result.model_copy(
        update={
            "changes": [one.model_copy(update={"reason": one.reason and _of_sides(one.reason)}) for one in changes],
            "versions": [one.change for one, _ in found.differences],
        }
    )


def _comparison(step: AbStep, record: StepRecord, stages: Sequence[Stage], where: Where) -> Comparison:
    if not record.runs:
        raise BadInput("Nothing of it was measured.")
    if step.engine_library:
        loaded = [(side, stored.load(where, run)) for side, run in zip(record.sides, record.runs, strict=True)]
        sides = [summarise(joined([run for name, run in loaded if name == side])) for side in SIDES]
        return paired(sides[0], sides[1], stages)
    summary = stored.summary(where, record.runs[-1])
    comparison = comparing.compare(
        summary, summary, stages=stages, across="engine" if step.engine else "browser", earlier=()
    )
    return in_order(comparison, step)


def in_order(comparison: Comparison, step: AbStep) -> Comparison:
    """The comparison with `before` of the configuration as the base; within a run the older release is."""
    sides = step.engine or step.browser
    assert sides is not None
    axis = "engine" if step.engine else "browser"
    first = sides.before.partition("=")[0].removesuffix("@current")
    return replace(
        comparison,
        cases=tuple(
            case if getattr(case.before, axis) == first or case.refusal else turned(case) for case in comparison.cases
        ),
    )


def turned(case: comparing.CaseChange) -> comparing.CaseChange:
    """The same change, seen from the other side."""
    return replace(
        case,
        before=case.after,
        after=case.before,
        stages={name: _turned(stage) for name, stage in case.stages.items()},
        differences=tuple(replace(one, before=one.after, after=one.before) for one in case.differences),
    )


def _turned(stage: comparing.StageChange) -> comparing.StageChange:
    interval = stage.interval
    call: comparing.Call = stage.call
    if call in ("slower", "faster"):
        call = "faster" if call == "slower" else "slower"
    return replace(
        stage,
        before_ms=stage.after_ms,
        after_ms=stage.before_ms,
        call=call,
        reason=stage.reason and _turned_words(stage.reason),
        ratio=None if stage.ratio is None else 1 / stage.ratio,
        interval=interval and replace(interval, low=1 / interval.high, high=1 / interval.low),
    )


def _turned_words(reason: str) -> str:
    """A reason about the `first run` or `second run`, with the other one named."""
    return re.sub("(first|second) run", lambda found: f"{'second' if found[1] == 'first' else 'first'} run", reason)


def joined(runs: Sequence[Run]) -> Run:
    """Runs of one side as one run, in which each is a round.

    Raises:
        BadInput: there is none.
    """
    if not runs:
        raise BadInput("Only one of the two sides was measured.")
    planned: list[PlannedBlock] = []
    blocks: list[Block] = []
    for number, run in enumerate(runs, 1):
        moved = {
            plan.index: plan.model_copy(update={"index": len(planned) + place, "round": number})
            for place, plan in enumerate(run.planned)
        }
        planned += moved.values()
        blocks += [block.model_copy(update={"planned": moved[block.planned.index]}) for block in run.blocks]
    models = {facts.key: facts for run in runs for facts in run.models}
    return Run(info=runs[0].info, planned=planned, blocks=blocks, models=list(models.values()))


def paired(before: RunSummary, after: RunSummary, stages: Sequence[Stage]) -> Comparison:
    """The same cases on both sides, paired by rounds, after the correction over all of them.

    Raises:
        BadInput: the sides have no case in common.
    """
    left, right = (_by_case(run) for run in (before, after))
    both = [key for key in left if key in right]
    if not both:
        raise BadInput("Its two sides have no case in common.")
    cases = [change_between("runs", left[key], right[key], stages, (), within=True) for key in both]
    return Comparison(
        before=before.info,
        after=after.info,
        kind="runs",
        stages=tuple(stages),
        cases=tuple(with_calls(cases)),
        only_before=tuple(one.summary.case for key, one in left.items() if key not in right),
        only_after=tuple(one.summary.case for key, one in right.items() if key not in left),
        earlier=0,
    )


def _by_case(run: RunSummary) -> dict[str, MeasuredCase]:
    return {one.summary.case.key: one for one in measured_cases(run)}
