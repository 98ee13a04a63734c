"""Clocks of a rack's computers that differ are estimated, and told when they differ by more than they should."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.rack import certificates
from mobilebench.rack.certificates import Credentials, Wanted, clock_hint
from mobilebench.rack.client import RackClient, parse_address
from mobilebench.rack.clocks import Asked, ClockOffset
from mobilebench.rack.desk import Desk
from mobilebench.rack.discovery import clock_sentences, seen_from_here
from mobilebench.rack.job_list import JobList
from mobilebench.rack.messages import ListPhones, Phones, name_of, to_text
from tests.pinning import Pinned

from .double import listed
from .making import phone

DAY = timedelta(days=1)


@pytest.mark.parametrize("ahead", [-7200.0, 0.0, 7200.0])
def test_the_difference_lies_within_half_of_the_round_trip(monkeypatch: pytest.MonkeyPatch, ahead: float) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000 + now[0])
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    asked = Asked()
    now[0] += 0.9
    said = datetime.fromtimestamp(time.time() + ahead, UTC)
    now[0] += 0.1
    offset = asked.answered(said)
    assert offset.within_s == pytest.approx(0.5)
    assert abs(offset.ahead_s - ahead) <= offset.within_s + 1e-6
    assert offset.differs == (ahead != 0)


@pytest.mark.parametrize(("ahead", "within", "differs"), [(3.0, 0.5, True), (-3.0, 0.5, True), (3.0, 1.5, False)])
def test_only_a_difference_that_is_certain_is_told(ahead: float, within: float, differs: bool) -> None:
    assert ClockOffset(ahead_s=ahead, within_s=within).differs == differs


def test_offsets_are_added_on_the_way_from_client_to_host(pinned: Pinned) -> None:
    scheduler = ClockOffset(ahead_s=-90.0, within_s=0.01)
    phones = [
        listed(phone("A"), "lab-1", clock=ClockOffset(ahead_s=90.5, within_s=0.02)),
        listed(phone("B"), "lab-2", clock=ClockOffset(ahead_s=11_700.0, within_s=0.3)),
        listed(phone("C"), "lab-2", clock=ClockOffset(ahead_s=11_700.0, within_s=0.3)),
        listed(phone("D"), "lab-3"),
    ]
    here = seen_from_here(phones, scheduler)
    assert here[0].clock == ClockOffset(ahead_s=0.5, within_s=0.03)
    assert here[3].clock is None
    pinned("\n".join(clock_sentences(here, scheduler)))
    assert clock_sentences(seen_from_here(phones, None), None) == []


class SlowHost:
    """A host whose clock is a day behind."""

    async def send(self, address: str, name: str, text: str) -> str:
        return to_text(Phones(phones=(listed(phone("A")),), now=datetime.now(UTC) - DAY))

    async def place(self, host: str, serial: str, key: str, text: str) -> str:
        raise OSError("away")


def test_the_scheduler_says_how_far_the_clock_of_each_host_is_off(tmp_path: Path) -> None:
    async def main() -> Phones:
        desk = Desk(SlowHost(), JobList(tmp_path / "jobs.jsonl"))
        await desk.connected("lab-1", "lab-1")
        answer = await desk._reply(f"{name_of(ListPhones())} {to_text(ListPhones())}".encode(), greeted=True)
        await desk.close()
        assert isinstance(answer, Phones)
        return answer

    clock = asyncio.run(main()).phones[0].clock
    assert clock is not None
    assert abs(clock.ahead_s + DAY.total_seconds()) <= clock.within_s + 1.0


class Tomorrow(datetime):
    """The clock of a computer that is a day ahead."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) + DAY


def made_tomorrow(folder: Path, monkeypatch: pytest.MonkeyPatch, *wanted: Wanted) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "datetime", Tomorrow)
        certificates.make(folder, wanted)


def asked(folder: Path, context: ssl.SSLContext) -> MobilebenchError:
    """How a question of client `ann` to a TLS server ends."""
    certificate = folder / "scheduler-lab"
    context.load_cert_chain(certificate / "scheduler.pem", certificate / "scheduler.key")

    def serve(listening: socket.socket) -> None:
        plain, _ = listening.accept()
        with plain, suppress(OSError):
            context.wrap_socket(plain, server_side=True)

    own = folder / "client-ann"
    credentials = Credentials("client", own / "ca.pem", own / "client.pem", own / "client.key", "ann")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=(listening,), daemon=True)
        serving.start()
        address = parse_address(f"tls://127.0.0.1:{listening.getsockname()[1]}")
        with RackClient(address, credentials, patience_s=0.0) as client, pytest.raises(MobilebenchError) as caught:
            client.ask(ListPhones(), Phones)
        serving.join(60)
    return caught.value


def test_a_certificate_that_is_not_valid_yet_names_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_tomorrow(tmp_path, monkeypatch, Wanted("client", "ann"))
    with pytest.raises(BadInput, match="is not valid before") as caught:
        certificates.find("client", tmp_path / "client-ann")
    assert "This computer's clock says" in str(caught.value.hint)


def test_a_scheduler_whose_certificate_is_not_valid_yet_names_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates.make(tmp_path, [Wanted("client", "ann")])
    made_tomorrow(tmp_path, monkeypatch, Wanted("scheduler", "lab", ("127.0.0.1",)))
    problem = asked(tmp_path, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert "not yet valid" in problem.message
    assert "This computer's clock says" in str(problem.hint)


def test_a_client_whose_certificate_the_scheduler_takes_as_not_valid_yet_hears_of_clocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates.make(tmp_path, [Wanted("scheduler", "lab", ("127.0.0.1",))])
    made_tomorrow(tmp_path, monkeypatch, Wanted("client", "ann"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(tmp_path / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    assert "if its clock is wrong" in asked(tmp_path, context).message


def test_other_reasons_say_nothing_of_clocks() -> None:
    assert clock_hint("self-signed certificate in certificate chain") is None
