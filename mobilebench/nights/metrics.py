"""A night as metrics of Prometheus, for the textfile collector of its node exporter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mobilebench.analysis.labels import printable
from mobilebench.nights.records import Night, Outcome, StepState

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_LONGEST = 200
"""Characters of a label's value."""


def registry(night: Night) -> CollectorRegistry:
    """The metrics of a night. What was not measured has no metric."""
    from prometheus_client import CollectorRegistry, Gauge

    found = CollectorRegistry()

    def gauge(name: str, help_: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(f"mobilebench_night_{name}", help_, ["night", *labels], registry=found)

    def put(of: Gauge, value: float, *labels: str) -> None:
        of.labels(night.name, *(printable(label)[:_LONGEST] for label in labels)).set(value)

    put(gauge("begun_timestamp_seconds", "When the night began."), night.begun_at.timestamp())
    if night.ended_at:
        put(gauge("ended_timestamp_seconds", "When the night ended."), night.ended_at.timestamp())
    put(gauge("measuring_seconds", "Time that the night took."), night.spent_seconds)
    if night.budget_seconds is not None:
        put(gauge("budget_seconds", "Time that the night may take."), night.budget_seconds)
    if night.exit_code is not None:
        put(gauge("exit_code", "Exit code of mobilebench nightly."), night.exit_code)
    outcome = gauge("outcome", "1 for what the night came to.", ["outcome"])
    for name in get_args(Outcome):
        put(outcome, name == night.outcome, name)
    put(gauge("regressions", "Cases and stages that got worse."), len(night.worse))
    put(gauge("flaky_cases", "Cases that are flaky, and not counted."), len(night.flaky))
    put(gauge("missing_cases", "Cases of the night before that were not planned."), len(night.missing))
    cases = gauge("cases", "Cases by status.", ["suite", "status"])
    steps = gauge("suite_state", "1 for the state of a suite.", ["suite", "state"])
    for step in night.steps:
        for state in get_args(StepState):
            put(steps, state == step.state, step.name, state)
        for status in dict.fromkeys(step.cases.values()):
            put(cases, sum(one == status for one in step.cases.values()), step.name, status)
    phones = gauge("phone_measured", "1 if a phone was measured, 0 if it was skipped.", ["phone", "outcome"])
    for phone in night.phones:
        put(phones, not phone.skipped, phone.id, phone.outcome)
    times = gauge("typical_seconds", "Typical time of a case and stage.", ["suite", "case", "stage"])
    for step in night.steps:
        for case, by_stage in step.times_ms.items():
            for stage, milliseconds in by_stage.items():
                put(times, milliseconds / 1000, step.name, case, stage)
    ratios = gauge("ratio", "Time, energy or memory over that of the baseline.", ["suite", "case", "stage"])
    worse = gauge("worse", "1 if a case got worse.", ["suite", "case", "stage"])
    for change in night.changes:
        labels = (change.step, change.case, change.what)
        if change.ratio is not None:
            put(ratios, change.ratio, *labels)
        if change.ratio is not None or change.call == "lost":
            put(worse, change.worse and not change.flaky, *labels)
    sides = gauge("ab_ratio", "Time of the second side over that of the first.", ["comparison", "case", "stage"])
    for result in night.ab:
        for change in result.changes:
            if change.ratio is not None:
                put(sides, change.ratio, result.step, change.case, change.what)
    return found


def write(night: Night, file: Path) -> None:
    """Write the metrics at once, so that the collector never reads half of them."""
    from prometheus_client import write_to_textfile

    write_to_textfile(str(file), registry(night))
