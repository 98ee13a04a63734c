"""Checks of the screen, which decides how fast pages and apps may run."""

from __future__ import annotations

from mobilebench.recorders.reading import Void
from mobilebench.targets.care import limits, questions
from mobilebench.targets.care.base import Check, Examined, Finding, ok, unknown

_ANIMATIONS = ("window_animation_scale", "transition_animation_scale", "animator_duration_scale")
_ROTATIONS = {"0": "upright", "1": "turned by 90°", "2": "upside down", "3": "turned by 270°"}


def _settings(seen: Examined, table: str, keys: tuple[str, ...]) -> dict[str, str] | Void:
    answer = seen.answer(table)
    return answer if isinstance(answer, Void) else questions.parse_settings(answer, keys)


def _screen(seen: Examined) -> Finding:
    answer = seen.answer("power")
    awake = answer if isinstance(answer, Void) else questions.parse_awake(answer)
    if isinstance(awake, Void):
        return unknown(awake)
    return ok("it is on") if awake else Finding("degraded", "it is off")


def _lock_screen(seen: Examined) -> Finding:
    answer = seen.answer("keyguard")
    keyguard = answer if isinstance(answer, Void) else questions.parse_keyguard(answer)
    if isinstance(keyguard, Void):
        return unknown(keyguard)
    if not keyguard.shown:
        return ok("it is not shown")
    if keyguard.has_secret:
        return Finding(
            "degraded", "it is shown, and asks for a secret", "Unlock the phone, and set its lock screen to “None”."
        )
    return Finding("degraded", "it is shown")


def _stay_awake(seen: Examined) -> Finding:
    settings = _settings(seen, "global", questions.GLOBAL)
    if isinstance(settings, Void):
        return unknown(settings)
    if (questions.parse_number(settings.get("stay_on_while_plugged_in")) or 0) > 0:
        return ok("the screen stays on while the phone is plugged in")
    system = _settings(seen, "system", questions.SYSTEM)
    timeout = None if isinstance(system, Void) else questions.parse_number(system.get("screen_off_timeout"))
    if timeout is not None and timeout >= limits.SCREEN_TIMEOUT_SECONDS * 1000:
        return ok(f"the screen goes off after {timeout / 60_000:.0f} min without a touch")
    answer = seen.answer("writing")
    if not isinstance(answer, Void) and questions.parse_writing(answer) is None:
        return ok("it is off; a run with pages switches it on, and puts it back")
    return Finding("degraded", "it is off, and it is not known whether a run may switch it on")


def _rotation(seen: Examined) -> Finding:
    settings = _settings(seen, "system", questions.SYSTEM)
    if isinstance(settings, Void):
        return unknown(settings)
    if settings.get("accelerometer_rotation", "0") == "1":
        return Finding("degraded", "the screen turns when the phone is moved")
    turned = settings.get("user_rotation", "0")
    if turned not in _ROTATIONS:
        return unknown(Void(f"“{turned[:40]}” is not a rotation of Android"))
    return ok("it is fixed, upright") if turned == "0" else Finding("degraded", f"it is fixed, {_ROTATIONS[turned]}")


def _animations(seen: Examined) -> Finding:
    settings = _settings(seen, "global", questions.GLOBAL)
    if isinstance(settings, Void):
        return unknown(settings)
    scales = {key: questions.parse_number(settings.get(key, "1")) for key in _ANIMATIONS}
    if strange := [key for key, scale in scales.items() if scale is None or scale < 0]:
        return unknown(Void(f"{strange[0]} is not a number"))
    largest = max(scale for scale in scales.values() if scale is not None)
    if largest > 1:
        return Finding("degraded", f"they are slowed down {largest:g} times")
    return ok("they are off" if largest == 0 else "they have their usual length, or less")


CHECKS = (
    Check(
        "screen",
        "The screen is on",
        "With the screen off, Android lowers clocks and browsers slow hidden pages down.",
        "Switch it on.",
        _screen,
        "screen",
    ),
    Check(
        "lock_screen",
        "No lock screen is shown",
        "A page behind the lock screen is hidden, and browsers slow hidden pages down.",
        "Unlock the phone.",
        _lock_screen,
        "screen",
    ),
    Check(
        "stay_awake",
        "The screen stays on, or a run may keep it on",
        "A screen that goes off in the middle of a block hides the page.",
        "Switch “Stay awake” on in the phone's developer options.",
        _stay_awake,
    ),
    Check(
        "rotation",
        "The screen is fixed, upright",
        "A page that turns is laid out and drawn anew in the middle of a block, and has another size.",
        "Switch automatic rotation off while the phone is held upright.",
        _rotation,
    ),
    Check(
        "animations",
        "Animations are not slowed down",
        "Long animations go on while a block begins, and take time of CPU and GPU.",
        "Set the three animation scales in the phone's developer options to 1× or off.",
        _animations,
    ),
)
