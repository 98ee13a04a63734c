"""Commands that reach phones through the scheduler of a rack (`--rack tls://…`) instead of this computer's adb."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilebench.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from mobilebench.core.records import Block, Run, TargetInfo
    from mobilebench.rack.certificates import Credentials
    from mobilebench.rack.client import RackClient
    from mobilebench.rack.discovery import RackTarget, RackTargets
    from mobilebench.rack.executor import RackExecutor
    from mobilebench.results.store import Store
    from mobilebench.targets.care.doctor import Report

SCHEME = "tls://"


@dataclass(frozen=True)
class OverRack:
    """A connection to a rack's scheduler, and the phones as they were last listed."""

    rack: RackClient
    targets: RackTargets
    credentials: Credentials
    """The certificate of whoever asks."""

    @property
    def address(self) -> str:
        return str(self.rack.address)

    def select(self, serials: str) -> tuple[list[TargetInfo], set[str]]:
        """The phones that `--serial` names, and the ids of those that it names one by one."""
        from mobilebench.rack import discovery

        chosen = discovery.select(serials, self.targets.every())
        return [one.info for one in chosen], discovery.named(serials, chosen)

    def examine(self, infos: Sequence[TargetInfo]) -> list[Report]:
        """What the doctors of the hosts find on these phones, which were listed before."""
        from mobilebench.rack import examining

        phones = [(info, self.targets.known(info.id)) for info in infos]
        return examining.examine_all(self.rack, phones, lambda sentence: say(sentence, err=True), self._reservation)

    def executor(self, store: Store, stored: Iterable[Block] = ()) -> RackExecutor:
        """What runs a run's workers on the hosts; `stored` are the blocks that a resumed run has."""
        from mobilebench.rack.executor import RackExecutor

        return RackExecutor(
            self.rack,
            self.targets,
            store.run_folder,
            owner=self.credentials.name,
            stored=stored,
            reservation=self._reservation,
            secret=self.credentials.key.read_bytes(),
            address=self.address,
        )

    def _reservation(self, place: RackTarget) -> str | None:
        """The token of the reservation that was made of a phone on this computer; None if there is none."""
        from mobilebench.rack import reservations

        return reservations.token_of(self.address, place.host, place.serial)


def names_scheduler(rack: str | None) -> bool:
    """Whether `--rack` names a scheduler, not a rack file."""
    return rack is not None and rack.startswith(SCHEME)


def file_of(rack: str | None) -> Path | None:
    """The rack file that `--rack` names; None if it names a scheduler or nothing."""
    from mobilebench.core import paths

    return None if rack is None or names_scheduler(rack) else paths.expanded(rack)


@contextmanager
def connected(rack: str | None, folder: Path | None) -> Iterator[OverRack | None]:
    """A connection to the scheduler that `--rack` names; None if it names none. `folder` has the client's certificate.

    Raises:
        BadInput: the address or the certificate cannot be used, or the scheduler cannot be reached, or refuses.
    """
    if rack is None or not names_scheduler(rack):
        yield None
        return
    from mobilebench.core.errors import BadInput
    from mobilebench.rack import certificates, client
    from mobilebench.rack.discovery import RackTargets, seen_from_here
    from mobilebench.rack.messages import ListPhones, Phones, RackPhoneInfo

    credentials = certificates.find("client", folder)
    with client.RackClient(client.parse_address(rack), credentials, patience_s=0.0) as asking:

        def listed() -> Sequence[RackPhoneInfo]:
            try:
                return seen_from_here(asking.ask(ListPhones(), Phones).phones, asking.clock)
            except client.RackAway as error:
                raise BadInput(error.message, hint=error.hint) from error

        yield OverRack(asking, RackTargets(listed), credentials)


def scheduler_of(begun: Run, rack: str | None) -> str | None:
    """The `--rack` of a run that is resumed: the one that is given, or else the scheduler with which it began.

    Raises:
        BadInput: its phones are of a rack, and no scheduler is known; or the other way round.
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.rack.discovery import HOST_FACT

    on_rack = any(HOST_FACT in info.facts for info in begun.info.targets)
    if names_scheduler(rack) and not on_rack:
        raise BadInput(
            f"Run {begun.info.id} did not begin on a rack: its phones were attached to this computer.",
            hint="Leave --rack out.",
        )
    if names_scheduler(rack) or not on_rack:
        return rack
    if found := _scheduler_in(begun.info.command):
        return found
    raise BadInput(
        f"The phones of run {begun.info.id} are those of a rack.",
        hint="Say where its scheduler is: --rack tls://HOST:PORT.",
    )


def _scheduler_in(command: Sequence[str]) -> str | None:
    values = [one.partition("=")[2] for one in command if one.startswith("--rack=")]
    values += [after for one, after in itertools.pairwise(command) if one == "--rack"]
    return next((one for one in values if names_scheduler(one)), None)


def names_of(targets: Iterable[TargetInfo]) -> dict[str, str]:
    """How the phones of a rack are named in a run's progress: each with its host."""
    from mobilebench.rack.discovery import HOST_FACT

    hosts = {info.id: info.facts.get(HOST_FACT) for info in targets}
    return {name: f"{name}@{host}" for name, host in hosts.items() if host and not name.endswith(f"@{host}")}


def print_phones(over: OverRack, *, json: bool) -> None:
    """Print the phones of a rack, each with its host, and who has it."""
    from mobilebench.rack.discovery import clock_sentences

    found = over.targets.every()
    for sentence in clock_sentences((one.phone for one in found), over.rack.clock):
        say(sentence, err=True)
    if json:
        print_json([_as_json(one) for one in found])
        return
    if not found:
        say(f"The rack at {over.address} has no phones: no worker is connected, or none sees a phone.")
        return
    columns = ["serial", "host", "name", "labels", "group", "model", "SoC", "OS", "browsers", "state", "lease"]
    print_table(columns, map(_row, found))
    for sentence in _differing(found):
        say(sentence)


def print_quarantined(over: OverRack, phones: str, *, json: bool) -> None:
    """Print which of these phones their hosts leave out of runs."""
    found = [one for one in _meant(over, phones) if one.phone.quarantined]
    if json:
        print_json([{"serial": one.id, "host": one.host, "quarantined": one.phone.quarantined} for one in found])
    elif found:
        print_table(
            ["serial", "host", "model", "quarantine"],
            [(one.id, one.host, one.info.name, one.phone.quarantined) for one in found],
        )
    else:
        say("None of these phones is in quarantine on its host.")


def put_in_quarantine(over: OverRack, phones: str, time: timedelta, reason: str) -> None:
    """Let the hosts of these phones keep them out of everybody's runs."""
    from mobilebench.rack.messages import AddQuarantine, Quarantined

    for one in _meant(over, phones):
        question = AddQuarantine(host=one.host, phone=one.serial, seconds=time.total_seconds(), reason=reason)
        for words in over.rack.ask(question, Quarantined).words:
            say(f"{one.id} is {words}. Host {one.host} keeps it out of everybody's runs.")


def lift_quarantines(over: OverRack, phones: str) -> None:
    """Let these phones be measured again.

    Raises:
        BadInput: none of them is in quarantine on its host.
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.rack.messages import LiftQuarantine, Quarantined

    lifted = [
        (one, words)
        for one in _meant(over, phones)
        if one.phone.quarantined
        for words in over.rack.ask(LiftQuarantine(host=one.host, phone=one.serial), Quarantined).words
    ]
    if not lifted:
        raise BadInput(
            f"No phone of “{phones}” is in quarantine on its host.",
            hint=f"`mobilebench quarantine list --rack {over.address}` shows which phones are.",
        )
    for one, words in lifted:
        say(f"{one.id} is no longer {words}.")


def _meant(over: OverRack, phones: str) -> list[RackTarget]:
    """The phones of a selection, in any state, each once."""
    from mobilebench.rack import discovery
    from mobilebench.targets.android.identity import SAME_PHONE

    chosen = discovery.select(phones, over.targets.every(), need_ready=False)
    return [one for one in chosen if not one.info.state.startswith(SAME_PHONE)]


def _row(one: RackTarget) -> list[object]:
    info, phone = one.info, one.phone
    soc = f"{info.soc} (imitates {info.profile_soc or 'an unknown SoC'})" if info.virtual else info.soc
    browsers = ", ".join(f"{name} {version}" for name, version in info.browsers.items())
    labels = ", ".join(phone.labels)
    lease = one.in_use() or "free"
    return [one.id, one.host, phone.name, labels, phone.group, info.name, soc, info.os, browsers, info.state, lease]


def _as_json(one: RackTarget) -> dict[str, Any]:
    phone = one.phone.model_dump(mode="json", exclude={"target", "worker"})
    return {**one.info.model_dump(mode="json"), "serial_on_host": one.serial, "rack": phone}


def _differing(found: Collection[RackTarget]) -> Iterator[str]:
    """Sentences on phones that a run would leave out."""
    from mobilebench.targets.android import discovery

    for one in found:
        if one.info.state != discovery.READY:
            yield f"{one.id}: {discovery.clause(one.info.state)}. {discovery.remedy_of(one.info)}"
