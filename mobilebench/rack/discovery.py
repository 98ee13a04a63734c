"""The phones of a rack as targets of a run: their unique ids, and which of them `--serial` names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Quarantine, TargetInfo
from mobilebench.rack.clocks import ClockOffset
from mobilebench.rack.following import whose
from mobilebench.rack.messages import RackPhoneInfo
from mobilebench.targets import selection
from mobilebench.targets.android import discovery, identity, states
from mobilebench.targets.rack import Rack, RackPhone

HOST_FACT = identity.RACK_HOST
"""Name of the fact in `TargetInfo.facts` that says to which host of a rack a phone is attached."""

_OF_HOST = "host:"
_EMULATOR = re.compile(r"emulator-\d+")


@dataclass(frozen=True)
class RackTarget:
    """A phone of a rack under an id that no other phone of the rack has."""

    info: TargetInfo
    """The phone as a target of a run; `info.id` is unique in the rack."""
    phone: RackPhoneInfo
    """As its host describes it."""

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def serial(self) -> str:
        """Its serial on its host."""
        return self.phone.target.id

    @property
    def host(self) -> str:
        return self.phone.host

    @property
    def with_host(self) -> str:
        """`SERIAL@HOST`, which always names it."""
        return f"{self.serial}@{self.host}"

    def in_use(self) -> str | None:
        """Who has it, and how many wait, as a clause; None if it is free."""
        if self.phone.lease is None:
            return None
        waiting = f", {len(self.phone.queue)} waiting" if self.phone.queue else ""
        return f"{whose(self.phone.lease)}{waiting}"


def targets_of(phones: Sequence[RackPhoneInfo], preferred: Collection[str] = ()) -> list[RackTarget]:
    """The phones of a rack in the order of their hosts and serials, each connection once.

    A hardware serial is an id as it is; one that names a connection (`127.0.0.1:16502`, `emulator-5554`), or that
    phones of several hosts share, gets its host: `SERIAL@HOST`. A second connection to a phone that is listed is marked
    so in its state, and a phone that a job cannot use has a state that says why.

    Args:
        phones: what the scheduler lists.
        preferred: ids of an earlier listing, which are kept.
    """
    ordered = sorted(phones, key=lambda phone: (phone.host, phone.target.id))
    hosts = Counter(serial for serial, _ in {(phone.target.id, phone.host) for phone in ordered})
    ready = [phone for phone in ordered if _state(phone) == discovery.READY]
    machines = Counter(phone.target.machine for phone in _distinct(ready) if not phone.target.virtual)
    names = {_place(phone): _id(phone, hosts, preferred) for phone in ordered}
    listed = {_place(phone): phone for phone in _distinct(ready)}
    found = []
    for phone in ordered:
        info, state = phone.target, _state(phone)
        if state == discovery.READY and _place(phone) not in listed:
            same = next(one for one in listed.values() if identity.is_same(one.target, info))
            state = f"{identity.SAME_PHONE}{names[_place(same)]}"
        name = names[_place(phone)]
        shared = machines[info.machine] > 1 and not info.virtual
        machine = f"{info.machine.partition(' at ')[0]} at {name}" if shared else info.machine
        changed = {"id": name, "state": state, "machine": machine, "facts": {**info.facts, HOST_FACT: phone.host}}
        found.append(RackTarget(info.model_copy(update=changed), phone))
    return found


def _place(phone: RackPhoneInfo) -> tuple[str, str]:
    return phone.host, phone.target.id


def _state(phone: RackPhoneInfo) -> str:
    state = phone.target.state
    if not phone.present and state == discovery.READY:
        return states.ABSENT
    if phone.quarantined is not None and state == discovery.READY:
        why = phone.quarantined
        return why if why.startswith(Quarantine.STATE) else f"{Quarantine.STATE}it is lifted: {why}"
    return state


def _id(phone: RackPhoneInfo, hosts: Mapping[str, int], preferred: Collection[str]) -> str:
    serial = phone.target.id
    with_host = f"{serial}@{phone.host}"
    if with_host in preferred:
        return with_host
    names_connection = identity.is_on_network(serial) or _EMULATOR.fullmatch(serial) is not None
    return with_host if names_connection or hosts[serial] > 1 else serial


def _distinct(ready: Iterable[RackPhoneInfo]) -> list[RackPhoneInfo]:
    """One connection of each phone: the one that is leased, or else by cable, or else the first."""
    found: list[RackPhoneInfo] = []
    for phone in sorted(ready, key=lambda one: (one.lease is None, identity.is_on_network(one.target.id))):
        if not any(identity.is_same(one.target, phone.target) for one in found):
            found.append(phone)
    return found


def seen_from_here(phones: Iterable[RackPhoneInfo], scheduler: ClockOffset | None) -> list[RackPhoneInfo]:
    """Phones as a scheduler lists them, with the clocks of their hosts against that of this computer.

    Args:
        phones: what the scheduler lists.
        scheduler: the scheduler's clock against this computer's; None if it is not known.
    """
    return [
        phone.model_copy(update={"clock": scheduler.plus(phone.clock) if scheduler and phone.clock else None})
        for phone in phones
    ]


def clock_sentences(phones: Iterable[RackPhoneInfo], scheduler: ClockOffset | None) -> list[str]:
    """Sentences on clocks that differ from this computer's; the phones are those of `seen_from_here`."""
    found = []
    if scheduler and scheduler.differs:
        found.append(f"The clock of the rack's scheduler is {scheduler.describe()}.")
    for host, clock in {phone.host: phone.clock for phone in phones}.items():
        if clock and clock.differs:
            found.append(
                f"The clock of host {host} is {clock.describe()}: one of them is wrong, and its blocks carry its time."
            )
    return found


class RackTargets:
    """The phones of a rack as they were last listed, for a session and its executor."""

    def __init__(self, listed: Callable[[], Sequence[RackPhoneInfo]]) -> None:
        """`listed` asks the scheduler for every phone."""
        self._listed = listed
        self._known: dict[str, RackTarget] = {}

    def every(self, preferred: Collection[str] = ()) -> list[RackTarget]:
        """Every phone now; ids that are `preferred` are kept. Raises `BadInput` when the scheduler does not answer."""
        found = targets_of(self._listed(), preferred)
        self._known |= {one.id: one for one in found}
        return found

    def discover(self, names: Collection[str]) -> list[TargetInfo]:
        """Every phone now, as `session.dependencies.discover`."""
        return [one.info for one in self.every(names)]

    def known(self, target: str) -> RackTarget:
        """The phone of this id as it was last listed.

        Raises:
            BadInput: no phone of the rack had this id.
        """
        if target not in self._known:
            raise BadInput(
                f"The rack has no phone {target}.", hint="`mobilebench devices --rack tls://HOST` lists its phones."
            )
        return self._known[target]


def select(serials: str, phones: Sequence[RackTarget], *, need_ready: bool = True) -> list[RackTarget]:
    """The phones that `--serial` names: `all`, or words separated by commas, in that order.

    A word is an id, a serial, `SERIAL@HOST` (or `HOST/SERIAL`), `host:…`, or `name:…`, `label:…`, `group:…` (of the
    hosts' rack files), `soc:…` or `model:…`, as `targets.select` takes them. Phones that cannot be used are returned
    too, with their state, unless they are named one by one.

    Raises:
        BadInput: the rack has nothing of that name, or several, or (with `need_ready`) a phone that is named by its
            serial or name cannot be used.
    """
    words = selection.words(serials)
    if not words:
        raise BadInput("No target is named.", hint="Give --serial all, or serials that the rack lists.")
    if "all" in words:
        return list(phones)
    found: dict[str, RackTarget] = {}
    for word in words:
        chosen = _chosen(word, phones)
        if need_ready and _names_one(word):
            for one in chosen:
                if one.info.state != discovery.READY and not one.info.state.startswith(identity.SAME_PHONE):
                    raise _not_ready(one)
        found |= {one.id: one for one in chosen}
    return list(found.values())


def named(serials: str, chosen: Iterable[RackTarget]) -> set[str]:
    """The ids of those of these phones that `--serial` names one by one; none with `all`."""
    words = selection.words(serials)
    if "all" in words:
        return set()
    phones = list(chosen)
    return {one.id for word in words if _names_one(word) for one in phones if _is_named(one, word)}


def _names_one(word: str) -> bool:
    selector = selection.parse(word)
    return not word.startswith(_OF_HOST) and (selector is None or selector.kind == "name")


def _is_named(one: RackTarget, word: str) -> bool:
    if selector := selection.parse(word):
        return (one.phone.name or "").casefold() == selector.value.casefold()
    return word in (
        one.id,
        one.serial,
        one.with_host,
        f"{one.host}/{one.serial}",
        one.info.facts.get(identity.SERIAL_NUMBER),
    )


def _chosen(word: str, phones: Sequence[RackTarget]) -> list[RackTarget]:
    selector = selection.parse(word)
    if selector is not None:
        infos = [one.info for one in phones]
        matching = {info.id for info in selection.matching(selector, infos, _entries(phones))}
        found = [one for one in phones if one.id in matching]
    elif word.startswith(_OF_HOST):
        found = [one for one in phones if one.host.casefold() == word.removeprefix(_OF_HOST).strip().casefold()]
    else:
        if word == "host":
            raise BadInput(
                "`host` is this computer, which is no part of a rack.",
                hint="Measure it in a run without --rack tls://…",
            )
        found = [one for one in phones if word in (one.id, one.with_host)] or [
            one for one in phones if _is_named(one, word)
        ]
    if not found:
        listed = ", ".join(one.id for one in phones[:20]) + (", …" if len(phones) > 20 else "")
        raise BadInput(f"The rack has no phone “{word}”.", hint=f"It has these: {listed or 'none'}.")
    ready = [one for one in found if not one.info.state.startswith(identity.SAME_PHONE)]
    if _names_one(word) and len(ready) > 1:
        which = ", ".join(one.with_host for one in ready)
        raise BadInput(f"“{word}” names {len(ready)} phones of the rack.", hint=f"Name one of them: {which}.")
    return found


def _entries(phones: Iterable[RackTarget]) -> Rack:
    """What the hosts' rack files say of the phones, under their ids; not checked, as two hosts may use one name."""
    return Rack.model_construct(
        phones=tuple(
            RackPhone.model_construct(
                serial=one.id, name=one.phone.name, labels=one.phone.labels, group=one.phone.group
            )
            for one in phones
        )
    )


def _not_ready(one: RackTarget) -> BadInput:
    clause = discovery.clause(one.info.state)
    hint = discovery.remedy(one.serial, one.info.state)
    return BadInput(f"Phone {one.id} on host {one.host} cannot be measured: {clause}.", hint=f"There: {hint}")
