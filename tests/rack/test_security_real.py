"""Who is let in: real TLS on loopback, with processes as people start them."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import ssl
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed.comm.core import CommClosedError, connect
from distributed.comm.tcp import _add_frames_header
from distributed.protocol import dumps, to_serialize

from mobilebench.core.errors import BadInput
from mobilebench.rack import certificates, messages, security, wire
from mobilebench.rack.certificates import Credentials, Wanted
from mobilebench.rack.client import Address, RackAway, RackClient, RackRefused, parse_address

from .processes import Rack

pytestmark = pytest.mark.slow

DASK_OPS = ("update-graph", "run_function", "register_scheduler_plugin", "register_worker_plugin", "register-client")


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (os.mknod, (str(self.file),))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    certificates.make(folder, [Wanted("client", "ada"), Wanted("worker", "host-1"), Wanted("scheduler", "127.0.0.1")])
    return folder


def opened(address: str, credentials: Credentials | None, ca: Path) -> ssl.SSLSocket:
    """A connection after TLS's handshake, which a client of TLS 1.3 completes before the server looks at it."""
    place = parse_address(address)
    context = ssl.create_default_context(cafile=str(ca / "ca.pem"))
    context.check_hostname = False
    if credentials:
        context.load_cert_chain(credentials.certificate, credentials.key)
    plain = socket.create_connection((place.host, place.port), timeout=30)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def is_cut_off(connection: ssl.SSLSocket) -> bool:
    """Whether the server closed the connection without having sent anything."""
    try:
        return connection.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def places(running: Rack) -> list[str]:
    return [running.address, running.worker_addresses["host-1"]]


def test_without_a_certificate_nothing_is_said(running: Rack) -> None:
    for address in places(running):
        with opened(address, None, running.ca) as connection:
            assert is_cut_off(connection)


def test_a_certificate_of_a_foreign_ca_is_refused(running: Rack, foreign: Path) -> None:
    for address in places(running):
        for role, name in (("client", "ada"), ("worker", "host-1"), ("scheduler", "127.0.0.1")):
            mine = certificates.find(role, foreign / f"{role}-{name}")  # type: ignore[arg-type]
            with opened(address, mine, running.ca) as connection:
                assert is_cut_off(connection)


def test_without_tls_nothing_is_said(running: Rack) -> None:
    for address in places(running):
        place = parse_address(address)
        with socket.create_connection((place.host, place.port), timeout=30) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with suppress(ConnectionError):
                assert plain.recv(100) == b""


def test_a_client_does_not_trust_a_foreign_server(running: Rack, foreign: Path) -> None:
    mine = certificates.find("client", running.ca / "client-ada")
    stranger = Credentials("client", foreign / "client-ada" / "ca.pem", mine.certificate, mine.key, "ada")
    client = RackClient(parse_address(running.address), stranger, patience_s=0)
    with pytest.raises(BadInput, match="did not prove that it is this rack's scheduler"):
        client.ask(messages.ListPhones(), messages.Phones)


def test_a_worker_is_no_scheduler_for_a_client(running: Rack) -> None:
    mine = certificates.find("client", running.ca / "client-ada")
    client = RackClient(parse_address(running.worker_addresses["host-1"]), mine, patience_s=0)
    with pytest.raises(BadInput, match="did not prove"):
        client.ask(messages.ListPhones(), messages.Phones)


def test_the_certificate_of_a_client_cannot_serve(running: Rack) -> None:
    """Dask's workers accept no server that has a client's certificate; clients look at its role too."""
    mine = certificates.find("client", running.ca / "client-ada")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(mine.certificate, mine.key)
    worker = security.dask_security(certificates.find("worker", running.ca / "worker-host-1"))
    trusting = worker.get_connection_args("worker")["ssl_context"]
    server, client = ssl.MemoryBIO(), ssl.MemoryBIO()
    serving = context.wrap_bio(server, client, server_side=True)
    asking = trusting.wrap_bio(client, server, server_side=False)
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        for side in (asking, serving) * 5:
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()


def dask_frames(message: Any) -> bytes:
    """The bytes that Dask sends for a message."""
    frames, _, _ = _add_frames_header(list(dumps(message)))
    return b"".join(bytes(frame) for frame in frames)


def payloads(file: Path) -> list[bytes]:
    """A pickle in everything that Dask reads: in its handshake, in each operation, and alone."""
    evil = Touch(file)
    found = [dask_frames({"compression": None, "python": (3, 11, 0), "pickle-protocol": 5, "x": to_serialize(evil)})]
    shake = dask_frames({"compression": None, "python": (3, 11, 0), "pickle-protocol": 5})
    for op in DASK_OPS:
        request = dask_frames({"op": op, "reply": True, "function": to_serialize(evil), "plugin": pickle.dumps(evil)})
        found.append(shake + request)
    raw = pickle.dumps(evil)
    found += [raw, wire.HEADER.pack(len(raw)) + raw, struct.pack("<Q", 256) + raw * 10]
    return found


def test_the_payloads_are_dangerous(tmp_path: Path) -> None:
    """Otherwise the next test would show nothing."""
    file = tmp_path / "unpickled"
    pickle.loads(pickle.dumps(Touch(file)))
    assert file.exists()
    other = tmp_path / "by Dask"
    assert os.fsencode(other) in payloads(other)[0]


@pytest.mark.parametrize("greeted", [True, False])
def test_nothing_of_a_client_is_unpickled(running: Rack, tmp_path: Path, greeted: bool) -> None:
    file = tmp_path / "unpickled"
    mine = certificates.find("client", running.ca / "client-ada")
    hello = messages.Hello(version=_version(), protocol=messages.PROTOCOL)
    for payload in payloads(file):
        with opened(running.address, mine, running.ca) as connection:
            if greeted:
                connection.sendall(wire.frame(f"mobilebench_hello {messages.to_text(hello)}"))
                (size,) = wire.HEADER.unpack(connection.recv(wire.HEADER.size))
                assert b'"welcome"' in connection.recv(size)
            connection.sendall(payload)
            socket.socket.shutdown(connection, socket.SHUT_WR)  # so that it does not wait for the rest of a frame
            try:
                said = connection.recv(10_000)
            except (ConnectionError, ssl.SSLError):
                said = b""
            assert said == b"" or b'"refused"' in said
        with opened(running.worker_addresses["host-1"], mine, running.ca) as connection:
            assert is_cut_off(connection)
    with running.client() as client:
        client.ask(messages.ListPhones(), messages.Phones)
    assert not file.exists()


def _version() -> str:
    import mobilebench

    return mobilebench.__version__


@pytest.mark.parametrize("op", [*DASK_OPS, "identity", "gather", "terminate", "mobilebench_host"])
def test_a_client_that_speaks_dask_gets_no_answer(running: Rack, op: str) -> None:
    mine = security.dask_security(certificates.find("client", running.ca / "client-ada"))

    async def main(address: str) -> None:
        comm = await connect(address, timeout=60, **mine.get_connection_args("client"))
        await comm.write({"op": op, "reply": True})
        await comm.read()

    for address in places(running):
        with pytest.raises(CommClosedError):
            asyncio.run(main(address))


def test_a_workers_certificate_reaches_no_other_worker(running: Rack) -> None:
    mine = certificates.find("worker", running.ca / "worker-host-2")
    with opened(running.worker_addresses["host-1"], mine, running.ca) as connection:
        assert is_cut_off(connection)


def talk(running: Rack, *frames: bytes) -> list[messages.Answer]:
    mine = certificates.find("client", running.ca / "client-ada")
    answers = []
    with opened(running.address, mine, running.ca) as connection:
        for one in frames:
            connection.sendall(one)
            (size,) = wire.HEADER.unpack(_exactly(connection, wire.HEADER.size))
            answers.append(messages.read_answer(_exactly(connection, size).decode()))
    return answers


def _exactly(connection: ssl.SSLSocket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        more = connection.recv(size - len(content))
        assert more
        content += more
    return content


def refused(answer: messages.Answer) -> messages.Refused:
    assert isinstance(answer, messages.Refused)
    return answer


def test_another_version_is_refused_with_a_sentence(running: Rack) -> None:
    old = messages.Hello(version="0.0.1", protocol=messages.PROTOCOL)
    phones = wire.frame("mobilebench_phones {}")
    answers = talk(running, wire.frame(f"mobilebench_hello {messages.to_text(old)}"), phones)
    skew = refused(answers[0])
    assert skew.code == "version"
    assert skew.reason == f"The rack's scheduler has mobilebench {_version()}, and this computer has mobilebench 0.0.1."
    assert skew.hint == "Upgrade this computer, so that all are equal."
    assert refused(answers[1]).reason == "The first question on a connection is Hello."


@pytest.mark.parametrize(
    "content",
    [
        "",
        "x",
        "mobilebench_hello",
        "mobilebench_hello []",
        "mobilebench_host {}",
        "update-graph {}",
        "mobilebench_x {}",
    ],
)
def test_what_is_no_question_is_refused(running: Rack, content: str) -> None:
    assert refused(talk(running, wire.frame(content))[0]).code == "bad question"


def test_a_question_that_is_too_long_is_not_read(running: Rack) -> None:
    mine = certificates.find("client", running.ca / "client-ada")
    with opened(running.address, mine, running.ca) as connection:
        connection.sendall(wire.HEADER.pack(wire.LONGEST_FRAME + 1))
        assert is_cut_off(connection)


def test_every_listener_is_one_of_these(running: Rack) -> None:
    """Scheduler and workers listen nowhere else, not even on loopback."""
    assert running.scheduler
    for process in (running.scheduler.process, running.workers["host-1"].process):
        found = psutil.Process(process.pid).net_connections()
        assert len([one for one in found if one.status == psutil.CONN_LISTEN]) == 1


def test_a_scheduler_that_is_away_is_named(running: Rack) -> None:
    mine = certificates.find("client", running.ca / "client-ada")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        place = Address("127.0.0.1", nobody.getsockname()[1])
    with RackClient(place, mine, patience_s=0) as client, pytest.raises(RackAway, match="does not answer: "):
        client.ask(messages.ListPhones(), messages.Phones)


def test_an_unknown_host_is_away_until_the_scheduler_knows_better(running: Rack) -> None:
    question = messages.Missing(host="nowhere", digests=())
    with running.client(patience_s=0) as client, pytest.raises((RackAway, RackRefused), match="nowhere"):
        client.ask(question, messages.MissingFiles)
