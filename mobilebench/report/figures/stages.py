"""The figure of stages: setup by part, warmup and one prediction, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.analysis.labels import case_label, duration
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.records import SetupPart
from mobilebench.report import document as doc
from mobilebench.report.figures import axes, stacks, theme

_SETUP: tuple[tuple[str, str, tuple[SetupPart, ...]], ...] = (
    ("runtime", "runtime obtained", ("framework_download", "library_load")),
    ("runtime-start", "runtime started", ("framework_init",)),
    ("model", "model obtained", ("model_download", "model_read")),
    ("model-start", "model started, session created", ("model_init", "session_creation")),
    ("delegate", "delegate prepared", ("delegate_preparation",)),
    ("as-shipped", "all of setup by the engine's own loader", ("as_shipped",)),
)
"""Colour, name and parts: those of native and web engines that do the same work are one."""
_COLOURS = {
    **{name: colour for colour, name, _ in _SETUP},
    "warmup": "warmup",
    "one prediction": "prediction",
}


def stages(cases: Sequence[CaseSummary], mark: str | None) -> doc.Figure | None:
    """All stages of every case in one bar, shortest first; None when no case has setup, warmup and prediction."""
    whole = sorted((case for case in cases if {"setup", "warmup", "prediction"} <= case.stages.keys()), key=_total)
    if not whole:
        return None
    shown, left_out = theme.selected(whole)
    labels = theme.row_labels(shown)
    rows = [_stack(label, case) for label, case in zip(labels, shown, strict=True)]
    data = tuple((case_label(case.case), _in_words(case)) for case in whole)
    axis = axes.linear_axis(max(map(_total, shown)))
    return doc.Figure(
        "Stages",
        f"Setup by part, warmup and one prediction, milliseconds.{left_out}",
        theme.chart(
            stacks.layers(rows, _COLOURS, axis),
            height=theme.ROW * len(rows),
            description=f"Stages in milliseconds: {theme.in_words(data)}.",
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )


def _parts(case: CaseSummary) -> list[tuple[str, float]]:
    found = []
    for _, name, members in _SETUP:
        value = sum(case.setup_parts[part].value for part in members if part in case.setup_parts)
        if value > 0:
            found.append((name, value))
    return [*found, ("warmup", case.stages["warmup"].value), ("one prediction", case.stages["prediction"].value)]


def _total(case: CaseSummary) -> float:
    return sum(value for _, value in _parts(case))


def _stack(label: str, case: CaseSummary) -> stacks.Stack:
    segments, start = [], 0.0
    for name, value in _parts(case):
        segments.append(stacks.Segment(name, start, start + value, f"{duration(value)} ms"))
        start += value
    return stacks.Stack(label, f"{duration(start)} ms", tuple(segments))


def _in_words(case: CaseSummary) -> str:
    return ", ".join(f"{name} {duration(value)}" for name, value in _parts(case))
