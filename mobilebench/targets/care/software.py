"""Checks of storage, Android and browsers."""

from __future__ import annotations

from mobilebench.recorders.reading import Void
from mobilebench.targets.care import limits, questions
from mobilebench.targets.care.base import Check, Examined, Finding, ok, unknown


def _storage(seen: Examined) -> Finding:
    answer = seen.answer("storage")
    free = answer if isinstance(answer, Void) else questions.parse_free_mb(answer)
    if isinstance(free, Void):
        return unknown(free)
    words = f"{free:,.0f} MB are free".replace(",", " ")
    if free < limits.NO_SPACE_MB:
        return Finding("blocking", words)
    return Finding("degraded", words) if free < limits.LITTLE_SPACE_MB else ok(words)


def _api(seen: Examined) -> int | None:
    level = seen.info.facts.get("ro.build.version.sdk", "")
    return int(level) if level.isdecimal() and len(level) < 4 else None


def _android(seen: Examined) -> Finding:
    level = _api(seen)
    if level is None:
        return unknown(Void("the phone does not report its API level"))
    if level < limits.OLDEST_NATIVE_API:
        return Finding("degraded", f"{seen.info.os} can run pages, but no native engines")
    return ok(seen.info.os)


def _browsers(seen: Examined) -> Finding:
    info = seen.info
    if reason := info.unknown.get("browsers"):
        return unknown(Void(reason))
    unusable = "; ".join(info.unusable_browsers.values())
    if not info.browsers:
        return Finding("degraded", unusable or "no browser that mobilebench can drive is installed")
    words = ", ".join(f"{name} {version}" for name, version in info.browsers.items())
    return ok(f"{words} ({unusable})" if unusable else words)


def _fixed_performance(seen: Examined) -> Finding:
    level = _api(seen)
    if level is None:
        return unknown(Void("the phone does not report its API level"))
    if level < limits.FIXED_PERFORMANCE_API:
        return ok(f"{seen.info.os} has none, so its clocks are natural")
    return unknown(Void(f"{seen.info.os} has the command; only its first use shows whether this phone obeys"))


_ASKING_MAKERS = frozenset({"honor", "oneplus", "oppo", "poco", "realme", "redmi", "vivo", "xiaomi"})
"""Makers, in lower case, whose phones forbid installing over adb until their owner allows it."""


def _app_installs(seen: Examined) -> Finding:
    maker = (seen.info.manufacturer or "").strip()
    if maker.lower() in _ASKING_MAKERS and not seen.info.virtual:
        return unknown(Void(f"phones of {maker} may forbid it, or ask; only the first installation shows that"))
    return ok("adb may install apps, as far as Android's makers tell")


CHECKS = (
    Check(
        "storage",
        f"At least {limits.LITTLE_SPACE_MB} MB are free where files are pushed; below {limits.NO_SPACE_MB} MB it "
        "blocks",
        "Runner, libraries and models are kept on the phone, and a full phone slows down.",
        "Remove apps, photos or downloads from the phone.",
        _storage,
    ),
    Check(
        "android",
        "Android is new enough for all engines (Android 8)",
        "Older versions cannot verify pushed files, so native engines are `unsupported`.",
        "Measure pages only, or another phone.",
        _android,
    ),
    Check(
        "browsers",
        "A browser that can be driven is installed, for the present user; its version is shown",
        "Without one, web engines are `unsupported`. An update in the middle of a series changes its results.",
        "Install or enable Chrome or Firefox, and switch its automatic updates off.",
        _browsers,
    ),
    Check(
        "app_installs",
        "adb may install mobilebench's app, which only `--context app-foreground` and `app-service` need",
        "Some makers forbid installing over USB, and Play Protect may ask; cases in the app are then `unsupported`.",
        "Allow “Install via USB” in the developer options (Xiaomi, Redmi and POCO: with a SIM card and an account; "
        "OnePlus, Oppo and Realme: “Disable permission monitoring”), switch “Verify apps over USB” off there, and "
        "answer what the phone asks at the first installation.",
        _app_installs,
    ),
    Check(
        "fixed_performance",
        "Whether Android has a fixed-performance mode (from Android 11 on; no query tells whether the phone obeys it)",
        "The regime `fixed` needs it. Without it nothing is wrong: clocks are natural.",
        "Nothing has to be done.",
        _fixed_performance,
    ),
)
