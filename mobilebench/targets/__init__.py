"""WHERE to measure: this computer and Android phones over adb."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from mobilebench.errors import BadInput

if TYPE_CHECKING:
    from mobilebench.results.records import TargetInfo
    from mobilebench.targets.base import Target

HOST = "host"
ALL = "all"


def discover() -> list[TargetInfo]:
    """This computer first, then every phone that adb sees, whatever its state.

    Raises:
        BadInput: there is no adb, or its server does not start.
    """
    from mobilebench.targets import host
    from mobilebench.targets.android import discovery

    return [host.describe(), *discovery.phones(discovery.attached())]


def select(serials: str, *, need_ready: bool = True) -> list[TargetInfo]:
    """The targets that `--serial` names: `all`, or `host` and serials with commas between, in the order given.

    With `all`, phones that cannot be used are answered too, with their state, so that a run can record why they
    were left out.

    Raises:
        BadInput: nothing of that name is attached, or (with `need_ready`) a phone named is offline or not authorised.
    """
    from mobilebench.targets import host
    from mobilebench.targets.android import discovery

    names = list(dict.fromkeys(name.strip() for name in serials.split(",") if name.strip()))
    if not names:
        raise BadInput(
            "No target is named.", hint="Give --serial all, host, or serials that `mobilebench devices` lists."
        )
    if ALL in names:
        return discover()
    attached = discovery.attached() if names != [HOST] else {}
    for name in names:
        if name != HOST and name not in attached:
            known = ", ".join([HOST, *attached])
            raise BadInput(
                f"No device “{name}” is attached.", hint=f"Attached are: {known}. `mobilebench devices` shows more."
            )
    found = {info.id: info for info in discovery.phones({name: attached[name] for name in names if name != HOST})}
    for info in found.values():
        if need_ready and info.state != discovery.READY:
            raise discovery.not_ready(info)
    return [host.describe() if name == HOST else found[name] for name in names]


@contextmanager
def open_target(info: TargetInfo, *, cancel: Event | None = None) -> Iterator[Target]:
    """Open a target; leaving it puts back whatever was changed on it. A phone is locked for other processes meanwhile.

    Raises:
        BadInput: another process measures this phone.
        TargetLost: it is not there.
    """
    if info.kind == "host":
        from mobilebench.targets.host import HostTarget

        yield HostTarget(info, cancel)
        return
    from mobilebench.targets.android.device import open_phone
    from mobilebench.targets.locks import device_lock

    with device_lock(info.id), open_phone(info, cancel) as phone:
        yield phone
