"""Rules for blocks of the pass `energy`."""

from __future__ import annotations

from mobilebench.recorders.energy import window
from mobilebench.recorders.energy.quantities import CURRENT, PASS, series_of
from mobilebench.recorders.energy.window import Account, StageEnergy
from mobilebench.recorders.reading import Void
from mobilebench.verdicts import thresholds
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Evidence, Findings, percent


def judge_energy(evidence: Evidence, found: Findings) -> None:
    """A window has to be long, with many values of the meter, the same idle power before and after, and no charging."""
    if evidence.planned.pass_ != PASS:
        return
    accounts = window.accounts(evidence.series, evidence.measurement)
    known = [one for one in accounts if isinstance(one.stages["prediction"], StageEnergy)]
    if not known:
        on_battery = series_of(evidence.series, CURRENT) is not None
        if on_battery and (reason := window.charging(evidence.series)):
            found.add(Code.ENERGY_CHARGING, reason)
        else:
            found.add(Code.ENERGY_MISSING, f"no method could tell its energy: {_why(accounts)}")
        return
    measurement = evidence.measurement
    seconds = sum(measurement.prediction_ms) * measurement.predictions_per_sample / 1000
    if seconds < thresholds.LEAST_WINDOW_SECONDS:
        sentence = (
            f"predictions took {seconds:.1f} s, and a window of energy needs {thresholds.LEAST_WINDOW_SECONDS:g} s"
        )
        found.add(Code.ENERGY_WINDOW_SHORT, sentence)
    for one in known:
        _judge_account(one, found)


def _why(accounts: tuple[Account, ...]) -> str:
    reasons = [
        f"{one.method}: {stage.reason}" for one in accounts if isinstance(stage := one.stages["prediction"], Void)
    ]
    return "; ".join(reasons) or "nothing was recorded"


def _judge_account(account: Account, found: Findings) -> None:
    predictions = account.stages["prediction"]
    if isinstance(predictions, StageEnergy) and predictions.updates < thresholds.LEAST_UPDATES:
        found.add(
            Code.ENERGY_FEW_UPDATES,
            f"{account.method} gave {predictions.updates} new values during the predictions, and "
            f"{thresholds.LEAST_UPDATES} are needed: measure with a longer --energy-window",
        )
    drift = account.idle_drift
    if drift is not None and drift > thresholds.MOST_IDLE_DRIFT:
        before, after = account.idle_before_mw, account.idle_after_mw
        share = percent(drift) if drift < 10 else "many times"
        found.add(
            Code.ENERGY_IDLE_DRIFTS,
            f"by {account.method}, the idle power was {before:.0f} mW before the block and {after:.0f} mW after it: "
            f"a difference of {share} of the net power",
        )
