"""Virtual phones as the unmodified adb sees them: the one installed here, and the one inside adbutils."""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import os
import pty
import select
import shlex
import socket
import socketserver
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mobilebench.virtual import phones
from mobilebench.virtual.adb_transport import CLSE, OKAY, OPEN, WRTE, Packet
from mobilebench.virtual.phone_records import VirtualPhone
from mobilebench.virtual.shell import FrameId, FrameParser, frame
from tests.virtual.conftest import Desk, wait_until
from tests.virtual.talking import Talk

pytestmark = pytest.mark.adb

TMP = "/data/local/tmp"


@pytest.fixture(scope="module")
def pair(desk: Desk) -> list[VirtualPhone]:
    return phones.up(2)


@pytest.fixture
def phone(pair: list[VirtualPhone]) -> VirtualPhone:
    return pair[0]


@contextlib.contextmanager
def answering(word: bytes) -> Iterator[int]:
    """A server on this computer that sends one word to each client and echoes the rest."""

    class Greet(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(word)
            while data := self.request.recv(65536):
                self.request.sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greet) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def ask_port(port: int, message: bytes = b"") -> bytes:
    """The first answer from a port of this computer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as there:
        if message:
            there.sendall(message)
        return there.recv(65536)


# Shell


@pytest.mark.parametrize("code", [0, 1, 7, 127, 255])
def test_exit_codes_arrive(desk: Desk, phone: VirtualPhone, code: int) -> None:
    assert desk.run(phone, "shell", f"exit {code}").returncode == code


def test_a_command_ended_by_a_signal_has_the_exit_code_of_a_shell(desk: Desk, phone: VirtualPhone) -> None:
    assert desk.run(phone, "shell", "kill -9 $$").returncode == 137


def test_standard_output_and_error_stay_apart(desk: Desk, phone: VirtualPhone) -> None:
    done = desk.run(phone, "shell", "printf out; printf err >&2")
    assert (done.stdout, done.stderr) == (b"out", b"err")


def test_an_unknown_command_is_not_found(desk: Desk, phone: VirtualPhone) -> None:
    done = desk.run(phone, "shell", "nosuchcommand")
    assert done.returncode == 127 and b"not found" in done.stderr


def test_input_reaches_the_command_and_ends(desk: Desk, phone: VirtualPhone) -> None:
    sent = os.urandom(300_000)
    done = subprocess.run(
        [desk.adb, "-s", phone.serial, "shell", "cat"], input=sent, capture_output=True, timeout=60, check=True
    )
    assert done.stdout == sent


def test_exec_out_is_binary(desk: Desk, phone: VirtualPhone) -> None:
    everything = bytes(range(256)) * 2000
    desk.shell(phone, f"mkdir -p {TMP}")
    octal = "".join(f"\\{byte:03o}" for byte in range(256))
    done = desk.run(phone, "exec-out", f"i=0; while [ $i -lt 2000 ]; do printf '{octal}'; i=$((i+1)); done")
    assert done.stdout == everything


def test_exec_in_is_read_to_its_end(desk: Desk, phone: VirtualPhone) -> None:
    sent = os.urandom(500_000)
    subprocess.run([desk.adb, "-s", phone.serial, "exec-in", f"cat > {TMP}/in"], input=sent, timeout=60, check=True)
    wait_until(lambda: desk.run(phone, "exec-out", f"cat {TMP}/in").stdout == sent)


def test_a_terminal_has_the_size_of_the_clients(desk: Desk, phone: VirtualPhone) -> None:
    command = "until [ \"$(stty size)\" = '33 101' ]; do sleep 0.1; done; stty size; tty; echo $TERM"
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 33, 101, 0, 0))
        os.execv(desk.adb, [desk.adb, "-s", phone.serial, "shell", "-t", command])
    shown = b""
    until = time.monotonic() + 60
    with contextlib.suppress(OSError):
        while time.monotonic() < until and select.select([terminal], [], [], 60)[0]:
            shown += os.read(terminal, 4096)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"/dev/pts/" in shown
    assert b"33 101" in shown


def test_an_interactive_shell_answers_and_leaves_with_its_code(desk: Desk, phone: VirtualPhone) -> None:
    done = subprocess.run(
        [desk.adb, "-s", phone.serial, "shell", "-tt"],
        input=b"echo $((40+2)); exit 5\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 5 and b"42" in done.stdout


def asleep(desk: Desk, phone: VirtualPhone, seconds: int) -> bool:
    return desk.shell(phone, f"ps -e -o args | grep '[s]leep {seconds}' || true") != ""


@contextlib.contextmanager
def hung_up(desk: Desk, phone: VirtualPhone, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """An adb that is killed at the end."""
    with subprocess.Popen([desk.adb, "-s", phone.serial, *words], stdin=subprocess.PIPE) as client:
        try:
            yield client
        finally:
            client.kill()


@pytest.mark.parametrize("how", [["shell"], ["shell", "-tt"]])
def test_killing_the_client_ends_the_command(desk: Desk, phone: VirtualPhone, how: list[str]) -> None:
    with hung_up(desk, phone, *how, "exec sleep 4321"):
        wait_until(lambda: asleep(desk, phone, 4321))
    wait_until(lambda: not asleep(desk, phone, 4321))


def test_the_signal_comes_before_the_end_of_the_input(desk: Desk, phone: VirtualPhone) -> None:
    """The trap ends the shell, so that the line at the end of the input is never written."""
    script = f"rm -rf {TMP}/hup; mkdir {TMP}/hup; trap 'echo hup > {TMP}/hup/said; exit' HUP; touch {TMP}/hup/ready"
    wait = f"while read -r line; do :; done; echo eof > {TMP}/hup/said"
    for _ in range(10):
        with hung_up(desk, phone, "shell", f"{script}; {wait}"):
            wait_until(lambda: "ready" in desk.shell(phone, f"ls {TMP}/hup 2>&1; true"))
        wait_until(lambda: desk.shell(phone, f"cat {TMP}/hup/said 2>/dev/null; true") != "")
        assert desk.shell(phone, f"cat {TMP}/hup/said") == "hup"
        desk.shell(phone, f"rm -r {TMP}/hup")


def test_a_command_that_ignores_the_signal_lives_on(desk: Desk, phone: VirtualPhone) -> None:
    script = f"trap '' HUP; rm -f {TMP}/go {TMP}/went; echo ready > {TMP}/ready"
    wait = f"while [ ! -e {TMP}/go ]; do sleep 0.05; done; echo on > {TMP}/went"
    with hung_up(desk, phone, "shell", f"{script}; {wait}"):
        wait_until(lambda: "ready" in desk.shell(phone, f"ls {TMP}"))
    time.sleep(2.5)  # once it was killed by then
    desk.shell(phone, f"rm {TMP}/ready; touch {TMP}/go")
    wait_until(lambda: "went" in desk.shell(phone, f"ls {TMP}"))


def test_processes_started_by_the_command_get_no_signal(desk: Desk, phone: VirtualPhone) -> None:
    started = f"rm -f {TMP}/pids; sleep 4323 & echo $! $$ > {TMP}/pids.new; mv {TMP}/pids.new {TMP}/pids; wait"
    with hung_up(desk, phone, "shell", started):
        wait_until(lambda: "pids" in desk.shell(phone, f"ls {TMP}").split())
    child, command = desk.shell(phone, f"cat {TMP}/pids").split()
    wait_until(lambda: desk.run(phone, "shell", f"kill -0 {command} 2>&1").returncode != 0)
    assert desk.run(phone, "shell", f"kill -0 {child}").returncode == 0
    desk.shell(phone, f"kill {child}; rm {TMP}/pids")


def test_a_job_in_the_background_outlives_its_shell(desk: Desk, phone: VirtualPhone) -> None:
    pid = int(desk.shell(phone, "nohup sleep 4322 >/dev/null 2>&1 & echo $!"))
    assert desk.run(phone, "shell", f"kill -0 {pid}").returncode == 0
    assert desk.run(phone, "shell", f"kill {pid}").returncode == 0


def test_thirty_shells_at_once(desk: Desk, phone: VirtualPhone) -> None:
    with ThreadPoolExecutor(30) as pool:
        done = list(pool.map(lambda n: desk.run(phone, "shell", f"sleep 0.2; echo {n}; exit {n}"), range(30)))
    assert [(one.stdout, one.returncode) for one in done] == [(b"%d\n" % n, n) for n in range(30)]


def test_the_phones_user_is_shell_and_its_cores_are_this_computers(desk: Desk, phone: VirtualPhone) -> None:
    assert desk.shell(phone, "id -un") == "shell"
    assert int(desk.shell(phone, "nproc")) == len(os.sched_getaffinity(0))
    assert desk.shell(phone, "grep -c ^processor /proc/cpuinfo") == str(os.cpu_count())


def test_the_phone_answers_by_its_state(desk: Desk, phone: VirtualPhone) -> None:
    phones.change_state(phone.name, {"battery.level": 15, "thermal.cpu": 71.5})
    assert "level: 15" in desk.shell(phone, "dumpsys battery")
    assert desk.shell(phone, "cat /sys/class/power_supply/battery/capacity") == "15"
    assert desk.shell(phone, "cat /sys/class/thermal/thermal_zone0/temp") == "71500"
    desk.shell(phone, "settings put system screen_brightness 9")
    assert phones.state_of(phone.name).settings.system["screen_brightness"] == "9"


def test_an_unprivileged_shell_cannot_write_its_clocks(desk: Desk, phone: VirtualPhone) -> None:
    file = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq"
    before = desk.shell(phone, f"cat {file}")
    assert desk.run(phone, "shell", f"echo 1 > {file}").returncode != 0
    assert desk.shell(phone, f"cat {file}") == before


# Files


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("plain", 1 << 20),
        ("empty", 0),
        ("grüße-日本", 10),
        ("with space", 10),
        ('quo\'ted "x" $y `z`', 10),
        ("one chunk", 64 << 10),
        ("odd", (64 << 10) + 1),
    ],
)
def test_files_come_back_as_they_were_pushed(
    desk: Desk, phone: VirtualPhone, tmp_path: Path, name: str, size: int
) -> None:
    local = tmp_path / "local"
    local.write_bytes(os.urandom(size))
    os.utime(local, (1_700_000_000, 1_700_000_000))
    remote = f"{TMP}/new folder/{name}"
    assert desk.run(phone, "push", str(local), remote).returncode == 0
    assert desk.run(phone, "pull", remote, str(tmp_path / "back")).returncode == 0
    assert filecmp.cmp(local, tmp_path / "back", shallow=False)
    assert desk.shell(phone, f"stat -c '%s %Y' {shlex.quote(remote)}") == f"{size} 1700000000"
    listed = desk.run(phone, "ls", f"{TMP}/new folder").stdout.decode()
    assert any(line.split(" ", 3)[3] == name and int(line.split()[1], 16) == size for line in listed.splitlines())


def test_the_executable_bit_travels(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/system/bin/sh\necho ran $1\n")
    program.chmod(0o755)
    desk.run(phone, "push", str(program), f"{TMP}/program")
    assert desk.shell(phone, f"{TMP}/program here") == "ran here"


def test_a_folder_travels_both_ways(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / "a").write_bytes(b"1")
    (tmp_path / "tree" / "inner" / "b").write_bytes(b"22")
    assert desk.run(phone, "push", str(tmp_path / "tree"), TMP).returncode == 0
    assert desk.run(phone, "pull", f"{TMP}/tree", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back" / "inner" / "b").read_bytes() == b"22"


def test_pulling_a_missing_file_fails_clearly(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    done = desk.run(phone, "pull", f"{TMP}/nothing", str(tmp_path))
    assert done.returncode != 0 and b"No such file or directory" in done.stderr + done.stdout


def test_pushing_to_a_folder_without_permission_fails_clearly(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(os.urandom(200_000))
    done = desk.run(phone, "push", str(tmp_path / "x"), "/system/bin/x")
    assert done.returncode != 0 and b"Read-only file system" in done.stderr + done.stdout


def test_a_large_file_is_pushed_and_pulled_whole(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    local = tmp_path / "large"
    local.write_bytes(os.urandom(1 << 20) * 100)
    assert desk.run(phone, "push", str(local), f"{TMP}/large").returncode == 0
    desk.run(phone, "pull", f"{TMP}/large", str(tmp_path / "back"))
    assert filecmp.cmp(local, tmp_path / "back", shallow=False)
    desk.shell(phone, f"rm {TMP}/large")


# Forward and reverse


def test_forward_reaches_a_port_of_the_phone(desk: Desk, phone: VirtualPhone) -> None:
    serve = "import socket; s = socket.create_server(('127.0.0.1', 7001)); c = s.accept()[0]; c.sendall(c.recv(9))"
    with subprocess.Popen([desk.adb, "-s", phone.serial, "shell", f"/usr/bin/python3 -c {shlex.quote(serve)}"]):
        port = int(desk.run(phone, "forward", "tcp:0", "tcp:7001").stdout)

        def echoes() -> bool:
            with contextlib.suppress(OSError):
                return ask_port(port, b"hello") == b"hello"
            return False

        wait_until(echoes)
    desk.run(phone, "forward", "--remove-all")


def test_forward_reaches_abstract_and_file_sockets(desk: Desk, phone: VirtualPhone) -> None:
    with answering(b"hi"):
        for name in ("localabstract:greeter", f"localfilesystem:{TMP}/greeter"):
            with answering(b"hi") as here:
                assert desk.run(phone, "reverse", name, f"tcp:{here}").returncode == 0
                port = int(desk.run(phone, "forward", "tcp:0", name).stdout)
                assert ask_port(port) == b"hi"
            desk.run(phone, "reverse", "--remove", name)
    desk.run(phone, "forward", "--remove-all")


def test_a_forward_to_nothing_ends_at_once(desk: Desk, phone: VirtualPhone) -> None:
    for name in ("tcp:9", "localabstract:nobody", "localfilesystem:/nowhere"):
        port = int(desk.run(phone, "forward", "tcp:0", name).stdout)
        start = time.monotonic()
        assert ask_port(port) == b""
        assert time.monotonic() - start < 30
    desk.run(phone, "forward", "--remove-all")


def test_reverse_is_listed_not_rebound_and_removed(desk: Desk, phone: VirtualPhone) -> None:
    assert desk.run(phone, "reverse", "tcp:8000", "tcp:9001").returncode == 0
    chosen = int(desk.run(phone, "reverse", "tcp:0", "tcp:9002").stdout)
    assert chosen > 0
    refused = desk.run(phone, "reverse", "--no-rebind", "tcp:8000", "tcp:9003")
    assert refused.returncode != 0 and b"cannot rebind" in refused.stderr
    assert desk.run(phone, "reverse", "tcp:8000", "tcp:9004").returncode == 0
    listed = desk.run(phone, "reverse", "--list").stdout.decode().split("\n")
    assert [line.split()[1:] for line in listed if line] == [
        ["tcp:8000", "tcp:9004"],
        [f"tcp:{chosen}", "tcp:9002"],
    ]
    assert desk.run(phone, "reverse", "--remove", "tcp:8000").returncode == 0
    unknown = desk.run(phone, "reverse", "--remove", "tcp:8000")
    assert unknown.returncode != 0 and b"not found" in unknown.stderr
    assert desk.run(phone, "reverse", "--remove-all").returncode == 0
    assert desk.run(phone, "reverse", "--list").stdout.strip() == b""


def test_the_same_reversed_port_leads_elsewhere_on_every_phone(desk: Desk, pair: list[VirtualPhone]) -> None:
    ask = "import socket; print(socket.create_connection(('127.0.0.1', 8123)).recv(9).decode())"
    with answering(b"first") as one, answering(b"second") as two:
        for phone, port in zip(pair, (one, two), strict=True):
            assert desk.run(phone, "reverse", "tcp:8123", f"tcp:{port}").returncode == 0
        outputs = [desk.shell(phone, f"/usr/bin/python3 -c {shlex.quote(ask)}") for phone in pair]
        assert outputs == ["first", "second"]
        for phone in pair:
            desk.run(phone, "reverse", "--remove-all")


def test_many_bytes_pass_through_a_reversed_and_forwarded_port(desk: Desk, phone: VirtualPhone) -> None:
    sent = os.urandom(5 << 20)
    with answering(b"") as here:
        desk.run(phone, "reverse", "tcp:8200", f"tcp:{here}")
        port = int(desk.run(phone, "forward", "tcp:0", "tcp:8200").stdout)
        got = bytearray()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as there:
            sender = threading.Thread(target=there.sendall, args=(sent,))
            sender.start()
            while len(got) < len(sent):
                got += there.recv(1 << 16)
            sender.join()
        assert bytes(got) == sent
        desk.run(phone, "reverse", "--remove-all")
        desk.run(phone, "forward", "--remove-all")


# The transport without adb


def talk(phone: VirtualPhone, *packets: Packet | bytes) -> list[Packet]:
    """Say something to the phone, and return its answers until it is silent or hangs up."""
    with Talk(phone, timeout=0.3) as talk_:
        for packet in packets:
            talk_.say(packet)
        return talk_.rest()


def test_a_service_that_the_phone_lacks_is_refused(phone: VirtualPhone) -> None:
    with Talk(phone) as talk_:
        talk_.greet()
        for service in (b"nosuch:\0", b"", b"jdwp:1\0", b"host:version\0", b"tcp:notaport\0", b"\xff\xfe\0"):
            talk_.say(Packet(OPEN, 77, 0, service))
            answer = talk_.hear(CLSE)
            assert (answer.arg0, answer.arg1) == (0, 77)


def test_an_empty_packet_is_acknowledged_and_is_no_end(phone: VirtualPhone) -> None:
    frames = frame(FrameId.STDIN, b"") + frame(FrameId.STDIN, b"all of it") + frame(FrameId.CLOSE_STDIN, b"")
    with Talk(phone) as talk_:
        talk_.greet()
        talk_.say(Packet(OPEN, 77, 0, b"shell,v2,raw:cat\0"))
        stream = talk_.hear(OKAY).arg0
        for payload in (b"", b"", frames[:3], b"", frames[3:], b""):
            talk_.say(Packet(WRTE, 77, stream, payload))
            talk_.hear(OKAY, meanwhile=WRTE)
        talk_.hear(CLSE, meanwhile=WRTE)
        shown = FrameParser().feed(b"".join(talk_.written))
    assert (FrameId.STDOUT, b"all of it") in shown and (FrameId.EXIT, b"\0") in shown


def test_an_empty_packet_in_the_middle_of_a_push_is_ignored(desk: Desk, phone: VirtualPhone) -> None:
    where = f"{TMP}/empty-packets,33188".encode()
    send = b"SEND" + struct.pack("<I", len(where)) + where
    data = b"DATA" + struct.pack("<I", 0) + b"DATA" + struct.pack("<I", 5) + b"whole" + b"DONE" + struct.pack("<I", 0)
    with Talk(phone) as talk_:
        talk_.greet()
        talk_.say(Packet(OPEN, 78, 0, b"sync:\0"))
        stream = talk_.hear(OKAY).arg0
        for payload in (send[:6], b"", send[6:], b"", data[:10], b"", data[10:]):
            talk_.say(Packet(WRTE, 78, stream, payload))
            talk_.hear(OKAY, meanwhile=WRTE)
        talk_.until(lambda: b"".join(talk_.written).startswith(b"OKAY"))
    assert desk.shell(phone, f"cat {TMP}/empty-packets") == "whole"


@pytest.mark.parametrize(
    "nonsense",
    [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3, b"\0" * 24, Packet(OPEN, 1, 0, b"shell:id\0").encode()],
)
def test_nonsense_ends_its_connection_and_nothing_else(desk: Desk, phone: VirtualPhone, nonsense: bytes) -> None:
    assert talk(phone, nonsense) == []
    assert desk.shell(phone, "echo fine") == "fine"


# The client that mobilebench uses


def test_adbutils_finds_a_phone(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    import adbutils

    client = adbutils.AdbClient(host="127.0.0.1", port=int(os.environ["ANDROID_ADB_SERVER_PORT"]))
    device = client.device(phone.serial)
    assert device.prop.model == desk.shell(phone, "getprop ro.product.model")
    assert device.shell("echo both; echo both >&2") == "both\nboth"
    result = device.shell2("echo out; echo err >&2; exit 3", v2=True)
    assert (result.returncode, result.stdout, result.stderr) == (3, "out\n", "err\n")
    (tmp_path / "x").write_bytes(os.urandom(200_000))
    assert device.sync.push(tmp_path / "x", f"{TMP}/by adbutils") == 200_000
    assert device.sync.stat(f"{TMP}/by adbutils").size == 200_000
    assert "by adbutils" in [entry.path for entry in device.sync.list(TMP)]
    assert device.sync.read_bytes(f"{TMP}/by adbutils") == (tmp_path / "x").read_bytes()
