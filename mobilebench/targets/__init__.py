"""Targets to measure on: this computer and Android phones over adb."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
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


def watch(stop: Event) -> Iterator[list[TargetInfo]]:
    """Yield the phones that adb sees, described, at first and after every change, until `stop` is set.

    A phone is described when it becomes ready, so its battery level is that of this moment.

    Raises:
        BadInput: as for `discover`, at first.
    """
    from mobilebench.targets.android import discovery, identity

    known: dict[str, TargetInfo] = {}
    for states in discovery.watch(stop):
        fresh = {serial: state for serial, state in states.items() if _state_of(known.get(serial)) != state}
        known |= {info.id: info for info in discovery.phones(fresh)}
        known = {serial: known[serial] for serial in states}
        yield identity.mark_duplicates(list(known.values()))


def _state_of(info: TargetInfo | None) -> str | None:
    return info.state if info else None


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
    """Return the targets that `--serial` names: `all`, or words separated by commas, in that order.

    A word is `host`, a serial, or `name:…`, `label:…`, `group:…` (see `rack`), `soc:…` or `model:…`.

    With `all`, phones that cannot be used are returned too, with their state, so that a run can record why they
    were left out; so are phones that are named by a property they share. A second way to the same phone is returned in
    the same way, even when it is named.

    Raises:
        BadInput: nothing of that name is attached, or (with `need_ready`) a phone that is named by its serial or name
            is offline or unauthorised.
    """
    from mobilebench.targets import rack, selection

    names = selection.words(serials)
    if not names:
        raise BadInput(
            "No target is named.", hint="Give --serial all, host, or serials that `mobilebench devices` lists."
        )
    if ALL in names:
        return discover([name for name in names if name != ALL])
    selectors = {name: selector for name in names if (selector := selection.parse(name))}
    if not selectors:
        return _named(names, need_ready=need_ready)
    every = [info for info in discover([name for name in names if name not in selectors]) if info.kind == "android"]
    found: dict[str, TargetInfo] = {}
    for name in names:
        chosen = (
            selection.matching(selectors[name], every, rack.current())
            if name in selectors
            else _named([name], need_ready=need_ready)
        )
        if need_ready and name.startswith("name:"):
            _demand_ready(chosen)
        found |= {info.id: info for info in chosen if info.id not in found}
    return list(found.values())


def named(serials: str, chosen: Iterable[TargetInfo]) -> set[str]:
    """The ids of those of these targets that `--serial` names one by one, by serial or `name:…`; none with `all`."""
    from mobilebench.targets import rack, selection

    words = selection.words(serials)
    if ALL in words:
        return set()
    found = {info.id for info in chosen if info.id in words}
    names = [selector for word in words if (selector := selection.parse(word)) and selector.kind == "name"]
    if names:
        entries = rack.current()
        found |= {info.id for info in chosen if any(one.matches(info, entries) for one in names)}
    return found


def _named(names: Sequence[str], *, need_ready: bool) -> list[TargetInfo]:
    """The targets of these serials, and `host`, in that order."""
    from mobilebench.targets import host
    from mobilebench.targets.android import discovery, identity

    attached = discovery.attached() if list(names) != [HOST] else {}
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
    if need_ready:
        _demand_ready(phones.values())
    phones = {info.id: info for info in identity.mark_duplicates(list(phones.values()), names)}
    return [host.describe() if name == HOST else phones[name] for name in names]


def _demand_ready(infos: Iterable[TargetInfo]) -> None:
    from mobilebench.targets.android import discovery

    for info in infos:
        if info.state != discovery.READY:
            raise discovery.not_ready_error(info)


def describe_again(info: TargetInfo) -> TargetInfo | None:
    """Describe again what is attached under this target's name; None if nothing is."""
    from mobilebench.core.errors import MobilebenchError
    from mobilebench.targets.android import description, discovery, states

    if info.kind == "host":
        return info
    try:
        state = discovery.attached().get(info.id)
        return None if state is None else discovery.phone(info.id, state)
    except MobilebenchError:
        return description.unusable(info.id, states.NO_SERVER)


def reach_again(info: TargetInfo, state: str) -> bool:
    """Ask adb to connect a phone that is in this state anew; whether there was something to ask."""
    from mobilebench.targets.android import reconnection

    return reconnection.reach_again(info.id, state)


def other_serial(info: TargetInfo) -> str | None:
    """Another serial under which the same phone can be reached now; None if there is none."""
    from mobilebench.targets.android import reconnection

    return reconnection.other_serial(info)


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
