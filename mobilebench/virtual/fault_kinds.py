"""The faults that a virtual phone can have while it runs, and what each does.

Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A kind of fault."""

    name: str
    effect: str
    """What happens, in one sentence."""
    seconds: float | None = None
    """How long it lasts if no time is given; None: until it is cleared, or, if it happens once, no time."""
    once: bool = False
    """Whether it is over as soon as it has happened."""
    parts_adb: bool = False
    """Whether adb's connection to the phone ends, so that adb has to connect again."""
    options: tuple[str, ...] = ()
    """Kinds of this fault, of which the first is usual."""


def _table(*faults: Fault) -> dict[str, Fault]:
    return {fault.name: fault for fault in faults}


SERVICE_OPTIONS = ("missing", "hangs", "denied")
DEFAULT_SERVICE = "thermalservice"
_SERVICE = re.compile(rf"([A-Za-z][\w.]*)(?::({'|'.join(SERVICE_OPTIONS)}))?", re.ASCII)

FAULTS = _table(
    Fault("unplug", "The cable is pulled: adb loses the phone, and its battery is not charged.", 3.0, parts_adb=True),
    Fault(
        "reboot",
        "The phone starts again: its processes end, `boot_id` changes, and what is not stored is lost.",
        5.0,
        parts_adb=True,
    ),
    Fault("offline", "adb lists the phone as offline, because it does not answer.", parts_adb=True),
    Fault("unauthorise", "The phone does not accept this computer's key any more.", parts_adb=True),
    Fault(
        "recovery",
        "The phone shows its recovery menu, or another mode in which Android does not run; its processes have ended.",
        parts_adb=True,
        options=("recovery", "sideload", "rescue", "bootloader"),
    ),
    Fault("fill-disk", "All free space of the data partition is taken (start the phone with `--data-mb`)."),
    Fault("heat", "The phone is held hot: skin at 51 °C, status 4, slower clocks; afterwards it cools slowly."),
    Fault(
        "dialog",
        "A system dialog is in front: `anr` of the browser, which answers nothing meanwhile; its `crash`, after "
        "which it ends; a system `update`; or a choice of the USB mode.",
        options=("anr", "crash", "update", "usb"),
    ),
    Fault("slow-link", "The link to adb carries 64 KiB per second in each direction."),
    Fault("kill-chrome", "All processes of the running browser are killed.", once=True),
    Fault("refuse-settings", "`settings put` and `delete` throw a SecurityException, as on phones of some makers."),
    Fault(
        "service-dies",
        f"`dumpsys` of one service fails; write it as SERVICE:HOW, such as {DEFAULT_SERVICE}:hangs.",
        options=tuple(f"{DEFAULT_SERVICE}:{how}" for how in SERVICE_OPTIONS),
    ),
    Fault(
        "lock",
        "The screen goes off, and the phone is locked, with a secret or without one.",
        options=("secret", "swipe"),
    ),
    Fault("clock-jump", "`date`, logcat and times of exits are two hours ahead."),
    Fault("chrome-update", "The browser is updated: it ends, and its version is another one.", once=True),
    Fault(
        "low-memory-kill",
        "The system kills the process that used most processor time, with that reason in `dumpsys activity exit-info`.",
        once=True,
    ),
    Fault("app-crash", "The installed app that runs, or the next one, crashes in the middle of its job."),
    Fault("app-anr", "The same app does not respond, and is ended: `keyDispatchingTimedOut` if it is in front."),
    Fault("app-killed", "The system kills the same app for want of memory, with that reason in its exit records."),
    Fault("app-switched-away", "The user opens the launcher while the app is in front in the middle of its job."),
    Fault(
        "app-install-forbidden", "`pm install` is refused, as by phones that ask on the screen, which nobody answers."
    ),
    Fault("app-install-full", "`pm install` finds no space."),
    Fault("app-install-unverified", "The package verifier refuses every app, unless adb's apps are not verified."),
    Fault("app-run-as-refused", "`run-as` cannot become an app, as on phones of some makers."),
)


def option_of(fault: Fault, option: str | None) -> str | None:
    """The given option, or the usual one. Raises `ValueError` if this fault has no such option."""
    if option is None:
        return fault.options[0] if fault.options else None
    if fault.name == "service-dies" and (found := _SERVICE.fullmatch(option)):
        return f"{found[1]}:{found[2] or SERVICE_OPTIONS[0]}"
    if option not in fault.options:
        known = f"one of {', '.join(fault.options)}" if fault.options else "no option"
        raise ValueError(f"{fault.name} takes {known}, not {option!r}")
    return option
