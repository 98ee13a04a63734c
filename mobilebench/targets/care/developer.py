"""Checks of the developer options."""

from __future__ import annotations

from mobilebench.recorders.reading import Void
from mobilebench.targets.android.shell import ALLOW_HINT
from mobilebench.targets.care import questions
from mobilebench.targets.care.base import Check, Examined, Finding, ok, unknown


def _options(seen: Examined) -> Finding:
    answer = seen.answer("global")
    settings = answer if isinstance(answer, Void) else questions.parse_settings(answer, questions.GLOBAL)
    if isinstance(settings, Void):
        return unknown(settings)
    if settings.get("always_finish_activities", "0") == "1":
        return Finding("degraded", "“Don't keep activities” is on", "Switch it off in the phone's developer options.")
    if settings.get("development_settings_enabled", "1") == "0":
        return Finding("degraded", "they are switched off, although adb works now")
    return ok("nothing in them disturbs")


def _writing(seen: Examined) -> Finding:
    answer = seen.answer("writing")
    refused = answer if isinstance(answer, Void) else questions.parse_writing(answer)
    if isinstance(refused, Void):
        return unknown(refused)
    return Finding("degraded", f"the phone refuses: {refused}") if refused else ok("adb may write settings")


CHECKS = (
    Check(
        "developer_options",
        "The developer options are on, and “Don't keep activities” is off",
        "adb ends when they are switched off; with “Don't keep activities”, Android ends a page that is not in front.",
        "Switch the developer options on in the phone's settings.",
        _options,
    ),
    Check(
        "settings_access",
        "adb may write settings (tried with a setting that is given the value that it has)",
        "Some makers forbid it until the owner allows it; a run then cannot keep the screen on, nor set the phone up.",
        ALLOW_HINT,
        _writing,
    ),
)
