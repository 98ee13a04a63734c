"""Targets to measure on: this computer and Android phones over adb."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import Event
from typing import TYPE_CHECKING

from mobilebench.core.errors import BadInput

if TYPE_CHECKING:
    from mobilebench.core.records import TargetInfo
    from mobilebench.targets.android.device import PhoneStatus
    from mobilebench.targets.android.device_changes import Recovered
    from mobilebench.targets.android.lease import Lease
    from mobilebench.targets.base import Target

HOST = "host"
ALL = "all"


def discover(preferred: Collection[str] = ()) -> list[TargetInfo]:
    """List this computer first, then every phone that adb sees, in any state.

    A second way to a phone (USB and Wi-Fi) is listed with the state `the same phone as …`.

    Args:
        preferred: serials; where several lead to one phone, the first of these is kept.

    Raises:
        BadInput: adb is missing, or its server does not start.
    """
    from mobilebench.targets import host
    from mobilebench.targets.android import discovery, identity

    phones = discovery.phones(discovery.attached())
    return [host.describe(), *identity.mark_duplicates(phones, list(preferred))]


def require_adb(*, for_virtual_phones: bool = False) -> None:
    """Check that the environment names a usable adb server; does not start one.

    Args:
        for_virtual_phones: whether the server has to reach phones that listen on this computer's loopback.

    Raises:
        BadInput: it names no server, or something else listens there.
    """
    from mobilebench.targets.android import adb_protocol, adb_server

    adb_protocol.server_runs()
    server = adb_server.chosen()
    if for_virtual_phones and server.is_elsewhere:
        raise BadInput(
            f"The adb server at {server.place}{server.chosen_by} is on another computer, where it cannot reach "
            "virtual phones.",
            hint=server.advice,
        )


def select(serials: str, *, need_ready: bool = True) -> list[TargetInfo]:
    """Return the targets that `--serial` names: `all`, or `host` and serials, separated by commas, in that order.

    With `all`, phones that cannot be used are returned too, with their state, so that a run can record why they
    were left out. A second way to the same phone is returned in the same way, even when it is named.

    Raises:
        BadInput: nothing of that name is attached, or (with `need_ready`) a named phone is offline or unauthorised.
    """
    from mobilebench.targets import host
    from mobilebench.targets.android import discovery, identity

    names = list(dict.fromkeys(name.strip() for name in serials.split(",") if name.strip()))
    if not names:
        raise BadInput(
            "No target is named.", hint="Give --serial all, host, or serials that `mobilebench devices` lists."
        )
    if ALL in names:
        return discover([name for name in names if name != ALL])
    attached = discovery.attached() if names != [HOST] else {}
    for name in names:
        if name == HOST or name in attached:
            continue
        if sharing := discovery.sharing_serial(name, attached):
            raise discovery.ambiguous_serial(name, sharing)
        attached_names = ", ".join([HOST, *attached])
        raise BadInput(
            f"No device “{name}” is attached.",
            hint=f"These are attached: {attached_names}. `mobilebench devices` shows more.",
        )
    phones = {info.id: info for info in discovery.phones({name: attached[name] for name in names if name != HOST})}
    for info in phones.values():
        if need_ready and info.state != discovery.READY:
            raise discovery.not_ready_error(info)
    phones = {info.id: info for info in identity.mark_duplicates(list(phones.values()), names)}
    return [host.describe() if name == HOST else phones[name] for name in names]


def describe_again(info: TargetInfo) -> TargetInfo | None:
    """Describe again what is attached under this target's name; None if nothing is, or if adb does not answer."""
    from mobilebench.core.errors import MobilebenchError
    from mobilebench.targets.android import discovery

    if info.kind == "host":
        return info
    try:
        state = discovery.attached().get(info.id)
        return None if state is None else discovery.phone(info.id, state)
    except MobilebenchError:
        return None


@contextmanager
def open_target(info: TargetInfo, *, lease: Lease | None = None, cancel: Event | None = None) -> Iterator[Target]:
    """Open a target; leaving the context undoes every change made to it.

    Args:
        info: the target.
        lease: the lease of a phone that the caller has locked (`locks.device_lock`); if None, the phone is locked here.
        cancel: event that stops the target's work within a second.

    Raises:
        BadInput: another run measures this phone.
        TargetLost: it is not there.
    """
    if info.kind == "host":
        from mobilebench.targets.host import HostTarget

        yield HostTarget(info, cancel)
        return
    from mobilebench.targets.android.device import open_phone
    from mobilebench.targets.locks import device_lock

    with nullcontext(lease) if lease else device_lock(info) as held:
        assert held is not None
        with open_phone(info, cancel, held) as phone:
            yield phone


def restore(info: TargetInfo) -> Recovered:
    """Undo the changes that crashed runs left on a phone.

    Raises:
        BadInput: another run is measuring it.
        TargetLost: it is not there.
    """
    from mobilebench.targets.android import device
    from mobilebench.targets.locks import device_lock

    with device_lock(info, "mobilebench restore") as lease:
        assert lease is not None
        return device.restore(info, lease)


def phone_statuses(infos: Sequence[TargetInfo]) -> dict[str, PhoneStatus]:
    """Standing of each ready phone, by serial: who measures it, and whether changes have to be undone."""
    from concurrent.futures import ThreadPoolExecutor

    from mobilebench.targets.android import device, discovery

    ready = [info for info in infos if info.kind == "android" and info.state == discovery.READY]
    if not ready:
        return {}
    with ThreadPoolExecutor(max_workers=min(16, len(ready))) as pool:
        statuses = zip(ready, pool.map(device.phone_status, ready), strict=True)
        return {info.id: standing for info, standing in statuses if standing}
