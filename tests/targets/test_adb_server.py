"""Which adb server is used, by adb's own variables, and programs that listen there but are not adb servers."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from mobilebench.cli.app import app
from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.core.records import BlockRule, Case, PlannedBlock
from mobilebench.engines import base, registry
from mobilebench.targets.android import adb_protocol, adb_server, description, discovery, states
from mobilebench.virtual import phones
from tests import adb_servers
from tests.pinning import Pinned
from tests.ports import lasting_port

SOCKET, ADDRESS, PORT = adb_server.SOCKET, adb_server.ADDRESS, adb_server.PORT


@pytest.mark.parametrize(
    ("environment", "place", "starts_here"),
    [
        ({}, "127.0.0.1:5037", True),
        ({PORT: ""}, "127.0.0.1:5037", True),
        ({PORT: "16037"}, "127.0.0.1:16037", True),
        ({PORT: " 0x3EA5"}, "127.0.0.1:16037", True),
        ({PORT: "+16037"}, "127.0.0.1:16037", True),
        ({ADDRESS: "localhost"}, "localhost:5037", True),
        ({ADDRESS: "10.1.2.3", PORT: "16037"}, "10.1.2.3:16037", False),
        ({ADDRESS: "[fe80::1]", PORT: "16037"}, "[fe80::1]:16037", False),
        ({SOCKET: "tcp:16037", PORT: "1", ADDRESS: "elsewhere"}, "127.0.0.1:16037", True),
        ({SOCKET: "tcp:16037", PORT: "no number"}, "127.0.0.1:16037", True),
        ({SOCKET: "tcp:localhost:16037"}, "localhost:16037", True),
        ({SOCKET: "tcp:127.0.0.1:16037"}, "127.0.0.1:16037", False),
        ({SOCKET: "tcp:farm.example:16037"}, "farm.example:16037", False),
        ({SOCKET: "tcp:farm.example"}, "farm.example:5555", False),
        ({SOCKET: "tcp:[::1]:16037"}, "[::1]:16037", False),
        ({SOCKET: "tcp:::1"}, "[::1]:5555", False),
        ({SOCKET: "localfilesystem:/run/adb.sock"}, "/run/adb.sock", True),
        ({SOCKET: "local:/run/adb.sock"}, "/run/adb.sock", True),
        ({SOCKET: "localabstract:adb"}, "localabstract:adb", True),
        ({SOCKET: "vsock:2:5037"}, "vsock:2:5037", False),
    ],
)
def test_adb_and_mobilebench_choose_alike(environment, place, starts_here):
    found = adb_server.chosen(environment)
    assert (found.place, found.starts_here) == (place, starts_here)
    assert set(found.variables) == ({SOCKET} if SOCKET in environment else {k for k, v in environment.items() if v})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *((PORT, value) for value in ("abc", "99999", "0", "-1", "16037 ", "5037.0", "٥٠٣٧")),
        *((ADDRESS, value) for value in ("", "[::1")),
        *((SOCKET, value) for value in ("", "tcp:", "16037", "tcp:99999", "tcp:[::1]", "tcp:1.2.3.4:", "udp:1:2")),
        *((SOCKET, value) for value in ("localreserved:x", "acceptfd:0", "tcp:a:0", "localabstract:", "vsock:1")),
    ],
)
def test_values_that_adb_refuses_are_bad_input_that_names_the_variable(variable, value):
    with pytest.raises(BadInput, match=variable) as caught:
        adb_server.chosen({variable: value})
    assert repr(value) in caught.value.message
    assert variable in caught.value.hint


def _listen(answer, wait=0.0):
    """Listen on a port; answer each connection with these bytes, then wait before closing it."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def talk(stream):
        with stream, suppress(OSError):
            for part in answer() if callable(answer) else [answer]:
                if done.is_set():
                    return
                stream.sendall(part)
            done.wait(wait)

    def serve():
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(stream,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener, done


def _endless():
    while True:
        yield b"x" * 1000


@pytest.fixture
def listens(monkeypatch):
    opened = []
    monkeypatch.setattr(adb_protocol, "_used", set())

    def start(answer, wait=0.0):
        listener, done = _listen(answer, wait)
        opened.append((listener, done))
        port = listener.getsockname()[1]
        monkeypatch.setenv(PORT, str(port))
        monkeypatch.delenv(SOCKET, raising=False)
        monkeypatch.delenv(ADDRESS, raising=False)
        adb_protocol.start_server.cache_clear()
        return port

    yield start
    for listener, done in opened:
        done.set()
        listener.close()
    adb_protocol.start_server.cache_clear()


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (b"Android Console: Authentication required\r\nOK\r\n", 30),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 0),
        (b"", 0),
        (b"FAIL0016unknown host service!!", 0),
        (b"OKAYzzzz", 0),
        (b"OKAY00040x29", 0),
        (b"OK", 0),
        (_endless, 0),
    ],
    ids=["console", "http", "close", "fail", "letters", "prefix", "half", "endless"],
)
def test_a_program_with_other_answers_is_not_an_adb_server(listens, answer, wait, pinned: Pinned):
    _is_refused(listens(answer, wait), pinned)


@pytest.mark.parametrize(
    "answer",
    [b"", b"OKAYffff", b"OKAY", lambda: (time.sleep(0.1) or b"O" for _ in range(1000))],
    ids=["silent", "huge", "okay", "slow"],
)
def test_a_program_that_does_not_answer_in_time_is_not_an_adb_server(listens, monkeypatch, answer, pinned: Pinned):
    monkeypatch.setattr(adb_protocol, "_GREET_SECONDS", 0.05)
    _is_refused(listens(answer, 30), pinned)


def _is_refused(port, pinned):
    with pinned.raises(BadInput) as caught:
        discovery.attached()
    assert f"127.0.0.1:{port}" in caught.value.message
    assert caught.value.exit_code is ExitCode.BAD_INPUT
    assert PORT in caught.value.hint
    assert adb_protocol.state("S1") == states.NO_SERVER


def test_a_server_that_answers_only_its_version_is_bad_input(listens, pinned: Pinned):
    answers = iter([b"OKAY00040029", b"OKAYnone"])
    listens(lambda: [next(answers)])
    with pinned.raises(BadInput):
        discovery.attached()


@pytest.mark.parametrize("spec", ["localfilesystem:{}/adb.sock", "localabstract:{}"])
def test_local_sockets_are_met(monkeypatch, tmp_path, spec):
    spec = spec.format(tmp_path)
    name = spec.partition(":")[2]
    monkeypatch.setenv(SOCKET, spec)
    adb_protocol.start_server.cache_clear()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}" if spec.startswith("localabstract") else name)
        listener.listen()

        def talk():
            for answer in (b"OKAY00040029", b"OKAY000aS1\tdevice\n"):
                stream, _ = listener.accept()
                with stream:
                    stream.recv(100)
                    stream.sendall(answer)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        assert discovery.attached() == {"S1": "device"}
        thread.join()
    adb_protocol.start_server.cache_clear()


def test_no_server_is_started_on_another_host(monkeypatch, pinned: Pinned):
    monkeypatch.setenv(SOCKET, f"tcp:127.0.0.1:{adb_protocol.free_port()}")
    adb_protocol.start_server.cache_clear()
    with pinned.raises(BadInput):
        discovery.attached()


@pytest.mark.slow
@pytest.mark.parametrize("port", ["", "0x3ea5"])
def test_adbutils_uses_the_same_server_in_spite_of_its_own_variables(port):
    code = (
        "from mobilebench.targets.android import adb_server; import os\n"
        "client = adb_server.client(); print(client.host, client.port, adb_server.chosen().port)"
    )
    environment = {**os.environ, PORT: port, "ANDROID_ADB_SERVER_HOST": "192.0.2.1"}
    for name in (SOCKET, ADDRESS):
        environment.pop(name, None)
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    number = "16037" if port else "5037"
    assert result.stdout.split() == ["127.0.0.1", number, number]


@pytest.mark.adb
@pytest.mark.parametrize("form", [f"{SOCKET}=tcp:{{}}", f"{SOCKET}=tcp:127.0.0.1:{{}}", f"{SOCKET}=tcp:localhost:{{}}"])
def test_the_server_that_a_variable_names_is_used(form, tmp_path):
    adb = shutil.which("adb") or adb_server.program()
    port = str(lasting_port())
    variable, _, value = form.format(port).partition("=")
    environment = {k: v for k, v in os.environ.items() if k not in (SOCKET, ADDRESS, PORT)}
    environment |= {variable: value, PORT: "nonsense", "MOBILEBENCH_HOME": str(tmp_path)}
    adb_servers.end_with_tests()
    subprocess.run([adb, "-P", port, "start-server"], capture_output=True, check=True)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "mobilebench", "devices", "--json"], env=environment, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        assert re.search('"id": "host"', result.stdout)
    finally:
        subprocess.run([adb, "-P", port, "kill-server"], capture_output=True, check=False)


@pytest.mark.parametrize(
    ("environment", "elsewhere"),
    [
        ({}, False),
        ({ADDRESS: "localhost"}, False),
        ({SOCKET: "tcp:127.0.0.1:16037"}, False),
        ({SOCKET: "tcp:127.0.0.2:16037"}, False),
        ({SOCKET: "localfilesystem:/run/adb.sock"}, False),
        ({SOCKET: "tcp:192.0.2.1:16037"}, True),
        ({ADDRESS: "192.0.2.1"}, True),
        ({SOCKET: "tcp:nowhere.invalid:16037"}, True),
        ({SOCKET: "vsock:2:5037"}, True),
    ],
)
def test_a_server_on_another_computer_is_known_by_its_address(environment, elsewhere):
    assert adb_server.chosen(environment).is_elsewhere is elsewhere


@pytest.mark.parametrize("elsewhere", [False, True])
def test_pages_do_not_reach_phones_of_another_computer(monkeypatch, elsewhere):
    met = description.unusable("S1", "device").model_copy(update={"browsers": {"chrome": "150.0.1.2"}})
    monkeypatch.setattr(description, "read", lambda shell: met)
    monkeypatch.setenv(SOCKET, "tcp:192.0.2.1:5037" if elsewhere else "tcp:127.0.0.1:5037")
    found = discovery.phone("S1", "device")
    case = Case(target="S1", engine="tfjs", backend="wasm", wasm_build="simd", threads=1, model="m", browser="chrome")
    block = PlannedBlock(index=0, round=0, case=case, rule=BlockRule())
    reason = base.why_unsupported(registry.engines()["tfjs"], found, block)
    native = replace(case, engine="sleep", backend="cpu", wasm_build=None, browser=None)
    assert base.why_unsupported(registry.engines()["sleep"], found, block.model_copy(update={"case": native})) is None
    if elsewhere:
        assert reason is not None and "192.0.2.1:5037" in reason
    else:
        assert reason is None


@pytest.mark.parametrize("words", [["up"], ["down"], ["list"], ["up", "--unless-phone"]])
@pytest.mark.parametrize("wrong", ["no number", "no adb server"])
def test_virtual_phones_need_an_adb_server(listens, monkeypatch, tmp_path, words, wrong, pinned: Pinned):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    listens(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    if wrong == "no number":
        monkeypatch.setenv(PORT, "abc")
    result = CliRunner().invoke(app, ["virtual", *words])
    assert result.exit_code == ExitCode.BAD_INPUT
    pinned(result.stderr)
    assert phones.list_phones() == []


def test_no_virtual_phone_is_started_for_an_adb_server_elsewhere(monkeypatch, tmp_path, pinned: Pinned):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(adb_protocol, "server_runs", lambda: True)
    monkeypatch.setenv(SOCKET, "tcp:192.0.2.1:5037")
    result = CliRunner().invoke(app, ["virtual", "up"])
    assert result.exit_code == ExitCode.BAD_INPUT
    pinned(result.stderr)
    assert phones.list_phones() == []
