"""Checks of the connection: whether a phone can be used at all."""

from __future__ import annotations

from mobilebench.recorders.reading import Void
from mobilebench.targets.android import discovery, states
from mobilebench.targets.care import limits, questions
from mobilebench.targets.care.base import Check, Examined, Finding, ok, unknown

_NOT_TRUSTED = ("unauthorized", "authorizing", "no permissions")


def _authorised(seen: Examined) -> Finding:
    state = seen.info.state
    if state.casefold().startswith(_NOT_TRUSTED):
        return Finding("blocking", f"adb's state is “{state}”", discovery.remedy(seen.info.id, state))
    if state in (discovery.READY, states.SILENT):
        return ok("the phone trusts this computer")
    return unknown(Void(f"adb's state is “{state}”"))


def _online(seen: Examined) -> Finding:
    state = seen.info.state
    if state == discovery.READY:
        return ok("it answers")
    if state.casefold().startswith(_NOT_TRUSTED):
        return unknown(Void("the phone does not trust this computer"))
    return Finding("blocking", discovery.clause(state), discovery.remedy(seen.info.id, state))


def _free(seen: Examined) -> Finding:
    if seen.holder:
        return Finding("blocking", f"it is being measured by {seen.holder}")
    return ok("no run measures it") if seen.info.state == discovery.READY else unknown(Void("it could not be asked"))


def _clock(seen: Examined) -> Finding:
    answer = seen.answer("clock")
    now = answer if isinstance(answer, Void) else questions.parse_clock(answer)
    if isinstance(now, Void):
        return unknown(now)
    before, after = seen.asked_between
    ahead = max(now - after, 0.0) + min(now + 1 - before, 0.0)
    if abs(ahead) <= limits.MOST_SKEW_SECONDS:
        return ok("it agrees with this computer's")
    return Finding("degraded", f"it is {_span(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} this computer's")


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


CHECKS = (
    Check(
        "authorised",
        "The phone trusts this computer",
        "Without its permission adb can ask it nothing.",
        "Unlock the phone, and allow USB debugging for this computer in its dialog.",
        _authorised,
    ),
    Check(
        "online",
        "The phone answers",
        "A phone that is offline, restarting or in its recovery menu cannot be measured.",
        "Plug it in again, or restart it; `mobilebench devices` says what its state means.",
        _online,
    ),
    Check(
        "free",
        "No other run measures the phone",
        "Two runs on one phone would disturb each other; then nothing else is asked, as that would disturb it, too.",
        "Wait until that run has ended.",
        _free,
    ),
    Check(
        "clock",
        f"Its clock agrees with this computer's within {limits.MOST_SKEW_SECONDS:g} s",
        "Times in the phone's logs are compared with those of the run, and browsers refuse certificates.",
        "Switch “Set time automatically” on in the phone's settings.",
        _clock,
    ),
)
