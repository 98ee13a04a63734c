"""Quarantine: phones that runs leave out until a time, kept in the store with the reason.

Code that finds a phone unusable calls `add`; runs call `marked` for their targets, which gives a phone in quarantine a
state of its own, so that it is left out and recorded like any phone that cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Quarantine, TargetInfo
from mobilebench.results.store import Store

_READY = "device"
_SERIAL_NUMBER = "ro.serialno"
"""Name of the fact in `TargetInfo.facts` that holds a phone's own serial number."""
_LONGEST_REASON = 300


def add(store: Store, target: TargetInfo, until: datetime, reason: str, *, now: datetime | None = None) -> Quarantine:
    """Leave a phone out of runs until a time.

    A longer quarantine of the same phone stays in force beside it.

    Args:
        store: the store whose runs leave it out.
        target: the phone, in any state.
        until: end, with a time zone.
        reason: a short clause; it is kept on one line of at most 300 characters.
        now: the present time, for tests.

    Raises:
        BadInput: the target is no phone, the end is not in the future, or no reason is given.
        StoreError: it could not be stored.
    """
    now = now or datetime.now(UTC)
    if target.kind != "android":
        raise BadInput(f"Only phones are put in quarantine, not {target.id}.", hint="Leave it out with --serial.")
    if until <= now:
        raise BadInput(
            f"The quarantine of {target.id} would end at {until:%Y-%m-%d %H:%M %Z}, which has passed.",
            hint="Give a later time with --until, or how long it lasts with --for, such as --for 2h.",
        )
    words = " ".join(reason.split())
    if not words:
        raise BadInput(
            f"No reason is given for the quarantine of {target.id}.", hint='Give one: --reason "its cable is loose".'
        )
    added = Quarantine(
        serial=target.id,
        number=target.facts.get(_SERIAL_NUMBER),
        model=_model(target),
        added_at=now,
        until=until,
        reason=words[:_LONGEST_REASON],
    )
    store.add_quarantine(added)
    return added


def in_force(store: Store, now: datetime | None = None) -> list[Quarantine]:
    """The quarantines that hold now, oldest first."""
    now = now or datetime.now(UTC)
    return [one for one in store.quarantines() if one.is_in_force(now)]


def of(target: TargetInfo, quarantines: Iterable[Quarantine]) -> Quarantine | None:
    """The one of these quarantines that keeps this target out for longest; None if none concerns it."""
    return max((one for one in quarantines if concerns(one, target)), key=lambda one: one.until, default=None)


def marked(targets: Iterable[TargetInfo], quarantines: Sequence[Quarantine]) -> list[TargetInfo]:
    """The targets; a ready phone in quarantine gets the state `quarantined until …: reason`."""
    found = []
    for info in targets:
        one = of(info, quarantines) if info.kind == "android" and info.state == _READY else None
        found.append(info.model_copy(update={"state": one.describe()}) if one else info)
    return found


def named(word: str, quarantines: Sequence[Quarantine]) -> list[Quarantine]:
    """Those of these quarantines whose phone has this serial or serial number, under every connection of that phone."""
    direct = [one for one in quarantines if word in (one.serial, one.number)]
    phones = {(one.number, one.model) for one in direct if one.number}
    return [one for one in quarantines if one in direct or (one.number and (one.number, one.model) in phones)]


def end(store: Store, quarantines: Sequence[Quarantine], now: datetime | None = None) -> list[Quarantine]:
    """End these quarantines now, and return those that were in force.

    Args:
        store: the store that holds them.
        quarantines: what to end.
        now: the present time, for tests.
    """
    now = now or datetime.now(UTC)
    lifted = [one for one in quarantines if one.is_in_force(now)]
    store.lift_quarantines(lifted, now)
    return lifted


def concerns(one: Quarantine, target: TargetInfo) -> bool:
    """Whether a quarantine is that of this phone. Serial number and model tell, or else the connection's serial."""
    number = target.facts.get(_SERIAL_NUMBER)
    model = _model(target)
    if one.number and number:
        return (one.number, one.model) == (number, model)
    return one.serial == target.id and (None in (one.model, model) or one.model == model)


def _model(target: TargetInfo) -> str | None:
    """Manufacturer and name of a phone that described itself; None for one that adb cannot talk to."""
    if not target.facts:
        return None
    maker = target.manufacturer or ""
    return target.name if target.name.casefold().startswith(maker.casefold()) else f"{maker} {target.name}"
