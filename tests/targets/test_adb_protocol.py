"""Commands and files over adb's wire format, against a scripted adb server."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
import time
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.targets.android import adb_protocol, adb_server
from mobilebench.targets.android.files import NoSpace, Sync
from mobilebench.targets.android.shell import DeviceShell, checked_output, command_line, marked, read_v2, split_marked
from mobilebench.targets.base import ShellResult
from mobilebench.targets.limits import Limit
from tests.pinning import Pinned

SERIAL = "S1"
FEATURES = (f"host-serial:{SERIAL}:features", b"OKAY000cshell_v2,cmd")
TRANSPORT = (f"host:transport:{SERIAL}", b"OKAY")
DEVICES = ("host:devices", b"OKAY" + b"000a" + b"S1\tdevice\n")
NO_DEVICES = ("host:devices", b"OKAY0000")


def frame(kind, data):
    return bytes([kind]) + struct.pack("<I", len(data)) + data


class Server:
    """An adb server with a list of (request, answer) for each connection, in order; it then hangs up."""

    def __init__(self, *connections):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = list(connections)
        self.problems = []
        self.silent = threading.Event()
        """Set when a client got its last answer, and waits for more."""
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self):
        talking = []
        while self.connections:
            stream, _ = self.listener.accept()
            talking.append(threading.Thread(target=self._talk, args=(stream, self.connections.pop(0))))
            talking[-1].start()
        for thread in talking:
            thread.join()

    def _talk(self, stream, steps):
        with closing(stream):
            for request, answer in steps:
                got = self._request(stream) if isinstance(request, str) else self._bytes(stream, request)
                if got != request:
                    self.problems.append(f"expected {request!r}, got {got!r}")
                if answer is None:
                    self.silent.set()
                    stream.recv(1)
                else:
                    stream.sendall(answer)
            stream.shutdown(socket.SHUT_WR)
            while stream.recv(1 << 16):
                pass

    def _request(self, stream):
        return self._bytes(stream, int(self._bytes(stream, b"...."), 16) * b".").decode()

    def _bytes(self, stream, like):
        data = b""
        while len(data) < len(like) and (part := stream.recv(len(like) - len(data))):
            data += part
        return data


@pytest.fixture
def serve(monkeypatch):
    servers = []

    def start(*connections):
        server = Server(*connections)
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
        monkeypatch.setattr(adb_protocol, "start_server", lambda: None)
        monkeypatch.setattr(adb_protocol, "_SETTLE_SECONDS", 0.0)
        servers.append(server)
        server.thread.start()
        return server

    yield start
    for server in servers:
        server.thread.join(60)
        server.listener.close()
        assert server.problems == []
        assert server.connections == []


def shell_v2(command, *answer):
    return [TRANSPORT, (f"shell,v2,raw:{command}", b"OKAY"), (frame(4, b""), b"".join(answer))]


def test_output_error_and_exit_code_come_apart(serve):
    serve(
        [FEATURES],
        shell_v2("exec ls -l", frame(1, b"on"), frame(2, b"bad"), frame(1, b"e"), frame(9, b"?"), frame(3, b"\x05")),
    )
    assert DeviceShell(SERIAL).run(["ls", "-l"], timeout=60) == ShellResult(b"one", b"bad", 5)


def test_features_are_asked_once(serve):
    serve([FEATURES], shell_v2("a", frame(3, b"\0")), shell_v2("b", frame(3, b"\0")))
    shell = DeviceShell(SERIAL)
    assert shell.script("a").exit_code == shell.script("b").exit_code == 0


def test_a_phone_that_goes_away_in_the_middle_is_lost(serve, pinned: Pinned):
    serve([FEATURES], shell_v2("exec sleep 9", frame(1, b"half")), [NO_DEVICES])
    with pinned.raises(TargetLost) as caught:
        DeviceShell(SERIAL).run(["sleep", "9"], timeout=60)
    assert caught.value.run_can_be_resumed


def test_a_connection_that_is_cut_while_the_phone_is_there_fails_the_block(serve):
    serve([FEATURES], shell_v2("exec x"), [DEVICES])
    with pytest.raises(BlockFailed, match="cut"):
        DeviceShell(SERIAL).run(["x"], timeout=60)


def test_a_server_that_hangs_up_cuts_the_connection(serve):
    serve([], [DEVICES])
    with pytest.raises(BlockFailed) as caught, adb_protocol.service(SERIAL, "sync:", Limit("S1: x", 60)):
        pass
    assert caught.value.fault == "cut connection"


def test_a_pipe_that_breaks_while_asking_is_a_cut_connection(serve, monkeypatch):
    def broken(*_):
        raise BrokenPipeError

    serve([], [DEVICES])
    send = adb_protocol.send
    monkeypatch.setattr(
        adb_protocol,
        "send",
        lambda stream, data, limit: broken() if b"transport" in bytes(data) else send(stream, data, limit),
    )
    with pytest.raises(BlockFailed) as caught, adb_protocol.service(SERIAL, "sync:", Limit("S1: x", 60)):
        pass
    assert caught.value.fault == "cut connection"


def test_a_server_that_was_there_before_and_does_not_start_again_is_a_loss(monkeypatch):
    def start_server():
        raise BadInput("The adb server could not be started.")

    monkeypatch.setattr(adb_protocol, "start_server", start_server)
    monkeypatch.setattr(adb_protocol, "_used", set())
    with pytest.raises(BadInput):
        adb_protocol.connect()
    adb_protocol._used.add(adb_server.chosen())
    with pytest.raises(TargetLost) as caught:
        adb_protocol.connect()
    assert caught.value.loss == "no adb server"


@pytest.mark.parametrize(
    ("word", "loss"), [("offline", "offline"), ("unauthorized", "unauthorised"), ("recovery", "not Android")]
)
def test_a_lost_phone_has_a_named_loss(serve, word, loss):
    listed = f"S1\t{word}\n".encode()
    serve([FEATURES], shell_v2("exec x"), [("host:devices", b"OKAY%04x" % len(listed) + listed)])
    with pytest.raises(TargetLost) as caught:
        DeviceShell(SERIAL).run(["x"], timeout=60)
    assert caught.value.loss == loss


@pytest.mark.parametrize(
    "text", [b"echo: write error: No space left on device", b"mkdir: 'x': No space left on device"]
)
def test_a_full_disk_is_named(text):
    with pytest.raises(BlockFailed) as caught:
        checked_output(ShellResult(b"", text, 1), "S1: its lock cannot be written")
    assert caught.value.fault == "no space"


def test_a_phone_that_is_gone_before_is_lost(serve):
    serve([FEATURES], [(TRANSPORT[0], b"FAIL0016device 'S1' not found!")], [NO_DEVICES])
    with pytest.raises(TargetLost, match="absent"):
        DeviceShell(SERIAL).run(["x"], timeout=60)


def test_a_silent_command_ends_at_its_limit_and_on_cancel(serve, monkeypatch, pinned: Pinned):
    silent = [TRANSPORT, ("shell,v2,raw:exec x", b"OKAY"), (frame(4, b""), None)]
    server = serve([FEATURES], silent, silent)
    shell = DeviceShell(SERIAL)
    check = Limit.check
    with monkeypatch.context() as patch, pinned.raises(BlockFailed):
        patch.setattr(Limit, "check", lambda limit: check(limit) if server.silent.is_set() else None)
        shell.run(["x"], timeout=0.2)
    server.silent.clear()
    cancel = threading.Event()
    threading.Thread(target=lambda: server.silent.wait(60) and cancel.set()).start()
    began = time.monotonic()
    with pytest.raises(BlockFailed, match="cancelled"):
        shell.run(["x"], timeout=60, cancel=cancel)
    assert time.monotonic() - began < 30


@pytest.mark.slow
def test_a_chatty_command_ends_at_its_limit_too(pinned: Pinned):
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    stop = threading.Event()

    def chatter():
        while not stop.is_set():
            try:
                theirs.sendall(frame(1, b"x" * 100))
            except OSError:
                return

    talking = threading.Thread(target=chatter)
    talking.start()
    try:
        with pinned.raises(BlockFailed):
            read_v2(ours, Limit("S1: `yes`", 0.3))
    finally:
        stop.set()
        ours.close()
        theirs.close()
        talking.join()


def test_phones_before_android_7_are_understood(serve, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda count: "t")
    text = marked("exec ls", "mobilebench-t")
    serve(
        [(FEATURES[0], b"OKAY0003cmd")],
        [TRANSPORT, (f"exec:{text}", b"OKAYout\nmobilebench-t 3\nerr\n")],
    )
    assert DeviceShell(SERIAL).run(["ls"], timeout=60) == ShellResult(b"out\n", b"err\n", 3)


@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(0, 255))
def test_marked_output_is_split_again(stdout, stderr, code):
    found = split_marked(stdout + f"M1 {code}\n".encode() + stderr.replace(b"\r\n", b""), "M1")
    if b"M1 " not in stderr:
        assert found == ShellResult(stdout, stderr.replace(b"\r\n", b""), code)


def test_output_that_ends_before_the_marker_is_no_result():
    assert split_marked(b"half of it", "M1") is None
    assert split_marked(b"M1 ", "M1") is None


def test_the_marked_form_works_in_a_real_shell(tmp_path):
    text = marked("exec sh -c 'echo out; echo err >&2; exit 4'", "m").replace("/data/local/tmp", str(tmp_path))
    done = subprocess.run(["sh", "-c", text], capture_output=True, check=False)
    assert split_marked(done.stdout, "m") == ShellResult(b"out\n", b"err\n", 4)
    assert list(tmp_path.iterdir()) == []


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
NASTY = st.sampled_from(
    ["", " ", "$HOME", "`id`", "it's", '"', "*", "a\nb", "-n", "\\", "; exit 3", "$(id)", "~", "é\t"]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT | NASTY, max_size=6), TEXT | NASTY)
@pytest.mark.slow
def test_arguments_and_variables_reach_a_program_as_they_are(arguments, value):
    line = command_line(["sh", "-c", 'printf "%s\\0" "$VALUE" "$@"', "sh", *arguments], {"VALUE": value})
    output = subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout
    assert output.decode() == "".join(f"{text}\0" for text in [value, *arguments])


def test_invalid_arguments_and_variables_are_refused():
    for argv, environment in (
        (["a\0b"], {}),
        (["a\udc80"], {}),
        (["a"], {"X": "\ud800"}),
        (["a"], {"X": "\0"}),
        (["a"], {"X;reboot": "1"}),
        (["a"], {"": "1"}),
    ):
        with pytest.raises(BadInput):
            command_line(argv, environment)


def test_a_failed_command_is_reported_with_its_output(pinned: Pinned):
    assert checked_output(ShellResult(b"fine", b"", 0), "no") == b"fine"
    with pinned.raises(BlockFailed):
        checked_output(ShellResult(b"", b"denied\n", 2), "S1: no")


# Files


def sync(*steps):
    return [TRANSPORT, ("sync:", b"OKAY"), *steps]


def word(name, argument):
    return name + struct.pack("<I", len(argument)) + argument


def test_a_file_is_sent_in_pieces(serve, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1000.0)
    file = tmp_path / "f"
    file.write_bytes(b"x" * 70000)
    head = word(b"SEND", b"/data/f,33261")
    first, second = word(b"DATA", b"x" * 65536), word(b"DATA", b"x" * (70000 - 65536))
    done = b"DONE" + struct.pack("<I", 1000)
    serve(sync((head + first + second + done, b"OKAY\0\0\0\0")))
    with file.open("rb") as source:
        assert Sync(SERIAL).send(source, "/data/f", 0o755) == 70000


@pytest.mark.parametrize(
    ("words", "kind"),
    [(b"couldn't write: No space left on device", NoSpace), (b"couldn't create file: Permission denied", BlockFailed)],
)
def test_a_refused_file_is_reported_with_the_phones_message(serve, words, kind, pinned: Pinned):
    done = b"DONE" + struct.pack("<I", 1000)
    request = word(b"SEND", b"/x,33188") + word(b"DATA", b"abc") + done
    serve(sync((request, word(b"FAIL", words))))
    with pytest.MonkeyPatch.context() as patch, pinned.raises(BlockFailed) as caught:
        patch.setattr("time.time", lambda: 1000.0)
        Sync(SERIAL).write("/x", b"abc")
    assert type(caught.value) is kind


def test_reading_a_file_and_one_that_is_not_there(serve, pinned: Pinned):
    content = word(b"DATA", b"ab") + word(b"DATA", b"c") + word(b"DONE", b"")
    serve(
        sync((word(b"RECV", b"/x"), content)),
        sync((word(b"RECV", b"/y"), word(b"FAIL", b"No such file or directory"))),
        sync((word(b"STAT", b"/x"), b"STAT" + struct.pack("<III", 0o100640, 3, 5))),
        sync((word(b"STAT", b"/y"), b"STAT" + struct.pack("<III", 0, 0, 0))),
    )
    phone = Sync(SERIAL)
    assert phone.read("/x") == b"abc"
    with pinned.raises(BlockFailed):
        phone.read("/y")
    assert (phone.stat("/x").mode, phone.stat("/x".replace("x", "y"))) == (0o640, None)


def test_a_phone_that_goes_away_while_a_file_travels_is_lost(serve):
    serve(sync((word(b"RECV", b"/x"), word(b"DATA", b"abc")[:-1])), [NO_DEVICES])
    with pytest.raises(TargetLost):
        Sync(SERIAL).read("/x")


# Ports


def test_forward_and_reverse_report_ports_that_are_taken(serve):
    serve(
        [(f"host-serial:{SERIAL}:forward:norebind:tcp:1;tcp:2", b"OKAYOKAY")],
        [(f"host-serial:{SERIAL}:forward:norebind:tcp:1;tcp:2", b"OKAYFAIL0006in use")],
        [TRANSPORT, ("reverse:forward:norebind:tcp:5;tcp:5", b"OKAYOKAY")],
        [TRANSPORT, ("reverse:forward:norebind:tcp:5;tcp:5", b"OKAYFAIL0006in use")],
        [TRANSPORT, ("reverse:forward:norebind:tcp:0;tcp:5", b"OKAYOKAY000541000")],
    )
    assert adb_protocol.forward(SERIAL, "tcp:1", "tcp:2")
    assert not adb_protocol.forward(SERIAL, "tcp:1", "tcp:2")
    assert adb_protocol.reverse(SERIAL, 5, 5) == 5
    assert adb_protocol.reverse(SERIAL, 5, 5) is None
    assert adb_protocol.reverse(SERIAL, 0, 5) == 41000


def test_a_forward_that_now_leads_elsewhere_is_not_removed(serve):
    listing = b"S1 tcp:1 tcp:9\n"
    serve([("host:list-forward", b"OKAY" + f"{len(listing):04x}".encode() + listing)])
    adb_protocol.remove_forward(SERIAL, "tcp:1", "tcp:2")


def test_an_unreachable_adb_server_is_an_error(monkeypatch, pinned: Pinned):
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb_protocol.free_port()))
    monkeypatch.setenv("ADBUTILS_ADB_PATH", "/nonexistent/adb")
    adb_protocol.start_server.cache_clear()
    with pinned.raises(BadInput) as caught:
        adb_protocol.query("host:devices", Limit("x", 1))
    assert "adb" in caught.value.hint


def test_a_packet_longer_than_any_of_adb_is_refused(serve, pinned: Pinned):
    serve([FEATURES], shell_v2("true", bytes([1]) + struct.pack("<I", 0xFFFFFFFF)))
    with pinned.raises(BlockFailed):
        DeviceShell(SERIAL).script("true")


def test_a_file_in_packets_longer_than_any_of_adb_is_refused(serve, pinned: Pinned):
    serve(sync((word(b"RECV", b"/data/x"), b"DATA" + struct.pack("<I", 0xFFFFFFFF))))
    with pinned.raises(BlockFailed):
        Sync(SERIAL).read("/data/x")
