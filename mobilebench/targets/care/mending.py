"""What `doctor --fix` mends on a phone: only what is safe. No setting of its owner is changed, so there is none to
put back."""

from __future__ import annotations

from collections.abc import Callable

from mobilebench.core.errors import MobilebenchError
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import device
from mobilebench.targets.android.device_changes import DeviceChanges
from mobilebench.targets.android.files import Sync
from mobilebench.targets.android.lease import Lease
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.targets.care.base import Mending
from mobilebench.targets.locks import device_lock


def mend(info: TargetInfo, what: set[Mending]) -> list[str]:
    """Mend these things, and say what was done, or why not. The phone is locked meanwhile.

    Raises:
        TargetLost: the phone went away.
    """
    done: list[str] = []
    try:
        with device_lock(info, "mobilebench doctor --fix") as lease:
            assert lease is not None
            for name in sorted(what):
                done += _MENDERS[name](info, lease)
    except MobilebenchError as error:
        done.append(error.text_with_hint)
    return done


def _leftovers(info: TargetInfo, lease: Lease) -> list[str]:
    recovered = device.restore(info, lease)
    return [*recovered.lines, "Partial files of killed runs were removed, for good."]


def _screen(info: TargetInfo, lease: Lease) -> list[str]:
    with lease.use() as token:
        refused = DeviceChanges(DeviceShell(info.id), Sync(info.id), token).wake_screen()
    if refused:
        return [f"The screen was not switched on: {refused}"]
    return [
        "The screen was switched on, and a lock screen without a secret dismissed; Android switches it off again after "
        "its usual time."
    ]


_MENDERS: dict[Mending, Callable[[TargetInfo, Lease], list[str]]] = {"leftovers": _leftovers, "screen": _screen}
