"""Sets the contexts of native engines side by side: the time in mobilebench's app over that from a shell.

A ratio pairs blocks of one round, as for the gap between native and web (`analysis.gaps`); contexts are never pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mobilebench.analysis import comparability
from mobilebench.analysis.comparability import Side
from mobilebench.analysis.gaps import Ratio, ratios_of
from mobilebench.analysis.labels import case_label
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.axes import SHELL
from mobilebench.core.records import Stage


@dataclass(frozen=True)
class ContextRatio:
    """One case in the app, and the same case from a shell."""

    app: CaseSummary
    shell: CaseSummary
    ratios: dict[Stage, Ratio]
    """App over shell, by stage."""
    refusal: str | None = None
    """Why they are not compared; None when they are."""

    @property
    def suspect(self) -> bool:
        """Whether at least one side is suspect."""
        return "suspect" in (self.app.status, self.shell.status)


def context_ratios(cases: Sequence[CaseSummary]) -> tuple[ContextRatio, ...]:
    """Each case in the app that was timed and has a counterpart from a shell among these cases of one target."""
    shells = {case.case: case for case in cases if case.case.context == SHELL}
    pairs = (
        (case, shells.get(replace(case.case, context="shell")))
        for case in cases
        if case.case.in_app and case.timed and case.status not in ("unsupported", "not measured")
    )
    return tuple(_compared(app, shell) for app, shell in pairs if shell is not None)


def _compared(app: CaseSummary, shell: CaseSummary) -> ContextRatio:
    refusal = _refusal(app, shell)
    ratios = {} if refusal else ratios_of(app, shell)
    if not refusal and not ratios:
        refusal = f"rounds: {case_label(app.case)} and {case_label(shell.case)} share no round in which both count."
    return ContextRatio(app, shell, ratios, refusal)


def _refusal(app: CaseSummary, shell: CaseSummary) -> str | None:
    for side in (app, shell):
        if side.measurement is None or "prediction" not in side.stages:
            return f"verdict: {case_label(side.case)} is {side.status}."
    return comparability.refusal("contexts", _side(app), _side(shell))


def _side(case: CaseSummary) -> Side:
    assert case.measurement is not None
    return Side(case.case, case.measurement, planned=case.counted[0].block.planned)
