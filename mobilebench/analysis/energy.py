"""Energy of an inference, over the windows of a case.

Each window (a block of the pass `energy`) counts once. Gross and net energy are arithmetic means, so that net is gross
less idle, with Student's t interval (`statistics.estimates.mean_estimate`) from three windows on.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.records import Stage
from mobilebench.recorders.energy.quantities import PASS, Method
from mobilebench.recorders.energy.window import Account, StageEnergy, accounts
from mobilebench.recorders.reading import Void
from mobilebench.statistics.estimates import Estimate, mean_estimate


@dataclass(frozen=True)
class CaseEnergy:
    """Energy of one inference of a case by one method."""

    method: Method
    windows: int
    """Number of windows whose energy is known by this method."""
    gross_mj: Estimate | None
    """None if no window has a value; see `reasons`."""
    net_mj: Estimate | None
    power_mw: float | None
    """Mean power during the predictions."""
    idle_mw: float | None
    updates: int
    """Fewest new values of the meter during the predictions of a window."""
    reasons: tuple[str, ...]
    """Why values are missing, as clauses."""


def energy(case: CaseSummary, stage: Stage = "prediction") -> tuple[CaseEnergy, ...]:
    """The energy of a case by each method; empty if no energy pass counts."""
    found: dict[Method, list[Account]] = {}
    for block in case.watched[PASS].counted if PASS in case.watched else ():
        if answer := block.block.measurement:
            for account in accounts(block.block.series, answer):
                found.setdefault(account.method, []).append(account)
    return tuple(_over_windows(method, of_method, stage) for method, of_method in found.items())


def _over_windows(method: Method, windows: list[Account], stage: Stage) -> CaseEnergy:
    stages = [one.stages[stage] for one in windows]
    known = [one for one in stages if isinstance(one, StageEnergy)]
    net = [one.net_mj for one in known if not isinstance(one.net_mj, Void)]
    idle = [one.idle_mw for one in windows if not isinstance(one.idle_mw, Void)]
    missing = chain(
        (one.reason for one in stages if isinstance(one, Void)),
        (one.net_mj.reason for one in known if isinstance(one.net_mj, Void)),
    )
    return CaseEnergy(
        method=method,
        windows=len(known),
        gross_mj=mean_estimate([one.gross_mj for one in known]) if known else None,
        net_mj=mean_estimate(net) if net else None,
        power_mw=sum(one.power_mw for one in known) / len(known) if known else None,
        idle_mw=sum(idle) / len(idle) if idle else None,
        updates=min((one.updates for one in known), default=0),
        reasons=tuple(dict.fromkeys(missing)),
    )
