"""The same actions through the installed adb, the adb inside adbutils, and adbutils itself, on two Androids."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import adbutils
import pytest

from mobilebench.virtual import phones
from mobilebench.virtual.android import abilities
from mobilebench.virtual.phone_records import VirtualPhone
from tests.virtual.conftest import Desk, make_desk

pytestmark = pytest.mark.adb

TMP = "/data/local/tmp"
ANDROIDS = (7, 16)


class Failed(Exception):
    """The client says that an action failed."""


class Program:
    """One of the adb programs."""

    def __init__(self, desk: Desk, phone: VirtualPhone) -> None:
        self._desk = desk
        self._phone = phone

    def run(self, *words: str) -> str:
        done = self._desk.run(self._phone, *words)
        if done.returncode != 0:
            raise Failed((done.stdout + done.stderr).decode())
        return done.stdout.decode()

    def shell(self, command: str) -> tuple[str, str, int]:
        done = self._desk.run(self._phone, "shell", command)
        return done.stdout.decode(), done.stderr.decode(), done.returncode

    def old_shell(self, command: str) -> bytes:
        return self._desk.run(self._phone, "shell", "-x", command).stdout

    def push(self, local: Path, remote: str) -> None:
        self.run("push", str(local), remote)

    def pull(self, remote: str, local: Path) -> None:
        self.run("pull", remote, str(local))

    def names(self, folder: str) -> set[str]:
        return {line.split(" ", 3)[3] for line in self.run("ls", folder).splitlines()}

    def features(self) -> set[str]:
        return set(self.run("features").split())

    def forward(self, local: str, remote: str, *, norebind: bool = False) -> str:
        return self.run("forward", *(["--no-rebind"] if norebind else []), local, remote).strip()

    def forwards(self) -> set[tuple[str, str]]:
        lines = [line.split() for line in self.run("forward", "--list").splitlines() if line]
        return {(local, remote) for serial, local, remote in lines if serial == self._phone.serial}

    def end_forward(self, local: str) -> None:
        self.run("forward", "--remove", local)

    def reverse(self, remote: str, local: str, *, norebind: bool = False) -> None:
        self.run("reverse", *(["--no-rebind"] if norebind else []), remote, local)

    def reverses(self) -> set[tuple[str, str]]:
        lines = [line.split() for line in self.run("reverse", "--list").splitlines() if line]
        return {(remote, local) for _, remote, local in lines}

    def end_reverse(self, remote: str) -> None:
        self.run("reverse", "--remove", remote)

    def end_reverses(self) -> None:
        self.run("reverse", "--remove-all")

    def root(self) -> str:
        return self.run("root").strip()

    def state(self) -> str:
        return self.run("get-state").strip()


class Library:
    """adbutils, which speaks to the adb server itself."""

    def __init__(self, desk: Desk, phone: VirtualPhone) -> None:
        client = adbutils.AdbClient(host="127.0.0.1", port=int(os.environ["ANDROID_ADB_SERVER_PORT"]))
        self._device = client.device(phone.serial)
        self._serial = phone.serial

    def shell(self, command: str) -> tuple[str, str, int]:
        done = self._device.shell2(command, v2=True)
        return done.stdout, done.stderr, done.returncode

    def old_shell(self, command: str) -> bytes:
        return self._device.shell(command, encoding=None)

    def push(self, local: Path, remote: str) -> None:
        try:
            self._device.sync.push(local, remote)
        except (adbutils.AdbError, OSError, AssertionError) as error:  # adbutils asserts that facts of files come
            raise Failed(str(error)) from None

    def pull(self, remote: str, local: Path) -> None:
        try:
            self._device.sync.pull_file(remote, local)
        except adbutils.AdbError as error:
            raise Failed(str(error)) from None

    def names(self, folder: str) -> set[str]:
        return {entry.path for entry in self._device.sync.list(folder)}

    def features(self) -> set[str]:
        return set(self._device.get_features().split(","))

    def forward(self, local: str, remote: str, *, norebind: bool = False) -> str:
        if local == "tcp:0":
            return str(self._device.forward_port(remote))
        try:
            self._device.forward(local, remote, norebind=norebind)
        except adbutils.AdbError as error:
            raise Failed(str(error)) from None
        return ""

    def forwards(self) -> set[tuple[str, str]]:
        return {(one.local, one.remote) for one in self._device.forward_list() if one.serial == self._serial}

    def end_forward(self, local: str) -> None:
        self._device.forward_remove(local)

    def reverse(self, remote: str, local: str, *, norebind: bool = False) -> None:
        try:
            self._device.reverse(remote, local, norebind=norebind)
        except adbutils.AdbError as error:
            raise Failed(str(error)) from None

    def reverses(self) -> set[tuple[str, str]]:
        return {(one.remote, one.local) for one in self._device.reverse_list()}

    def end_reverse(self, remote: str) -> None:
        self._device.reverse_remove(remote)

    def end_reverses(self) -> None:
        self._device.reverse_remove_all()

    def root(self) -> str:
        return str(self._device.root()).strip()

    def state(self) -> str:
        return self._device.get_state()


Client = Program | Library
CLIENTS = {"installed": Program, "adbutils": Program, "library": Library}


@pytest.fixture(scope="module", params=CLIENTS)
def rack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Client]]:
    """The client on a phone of each Android."""
    which = "adbutils" if request.param == "library" else request.param
    for desk in make_desk(tmp_path_factory.mktemp("desk"), which):
        found = {android: phones.up(names=[f"a{android}"], android=android, chrome=False)[0] for android in ANDROIDS}
        yield {android: CLIENTS[request.param](desk, phone) for android, phone in found.items()}


@pytest.fixture(params=ANDROIDS)
def android(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def client(rack: dict[int, Client], android: int) -> Client:
    return rack[android]


def test_a_command_has_outputs_and_an_exit_code(client: Client) -> None:
    assert client.shell("echo out; echo err >&2; exit 3") == ("out\n", "err\n", 3)
    assert client.shell("nosuchcommand")[2] == 127
    assert client.shell("kill -9 $$")[2] == 137


def test_the_old_shell_has_one_raw_output_on_a_terminal(client: Client) -> None:
    assert client.old_shell("printf 'a\\nb\\r\\n'; echo err >&2") == b"a\nb\r\nerr\n"
    assert re.fullmatch(rb"/dev/pts/\d+\n", client.old_shell("tty"))
    assert client.old_shell("cat /dev/zero | head -c 1000000") == bytes(1_000_000)


def test_features_are_those_of_the_android(client: Client, android: int) -> None:
    level = {7: 24, 16: 36}[android]
    assert client.features() <= set(abilities.features(level))
    assert {"shell_v2", "cmd"} <= client.features()
    assert ("stat_v2" in client.features()) == (android > 7)


def test_files_travel_both_ways(client: Client, tmp_path: Path) -> None:
    content = os.urandom(300_001)
    (tmp_path / "local").write_bytes(content)
    client.push(tmp_path / "local", f"{TMP}/some folder/grüße")
    assert client.names(f"{TMP}/some folder") == {".", "..", "grüße"}
    client.pull(f"{TMP}/some folder/grüße", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content


@pytest.mark.parametrize(
    ("remote", "reason"),
    [
        ("/system/bin/x", "Read-only file system"),
        ("/system/new/x", "Read-only file system"),
        (f"{TMP}/closed/x", "Permission denied"),
        (f"{TMP}/file/x", "Not a directory"),
        (f"{TMP}/{'x' * 300}", "File name too long"),
        (f"{TMP}/{'x/' * 520}", "path too long"),
    ],
)
def test_a_push_that_the_phone_refuses_fails_with_its_reason(
    client: Client, tmp_path: Path, remote: str, reason: str
) -> None:
    (tmp_path / "local").write_bytes(b"x" * 200_000)
    client.shell(f"mkdir -p {TMP}/closed; chmod 500 {TMP}/closed; rm -rf {TMP}/file; touch {TMP}/file")
    with pytest.raises(Failed) as failure:
        client.push(tmp_path / "local", remote)
    if isinstance(client, Program):
        assert reason in str(failure.value) or "failed to stat" in str(failure.value)
    assert client.shell("echo well") == ("well\n", "", 0)


@pytest.mark.parametrize(
    ("remote", "reason"),
    [(f"{TMP}/nothing", "No such file or directory"), (f"{TMP}/unreadable", "Permission denied")],
)
def test_a_pull_that_fails_says_why(client: Client, tmp_path: Path, remote: str, reason: str) -> None:
    client.shell(f"touch {TMP}/unreadable; chmod 000 {TMP}/unreadable")
    with pytest.raises(Failed) as failure:
        client.pull(remote, tmp_path / "back")
    assert reason in str(failure.value) or "does not exist" in str(failure.value)


def test_forwards_are_listed_and_removed(client: Client) -> None:
    port = client.forward("tcp:0", "tcp:7100")
    assert (f"tcp:{port}", "tcp:7100") in client.forwards()
    with pytest.raises(Failed, match="cannot rebind"):
        client.forward(f"tcp:{port}", "tcp:7101", norebind=True)
    client.forward(f"tcp:{port}", "localabstract:socket")
    assert (f"tcp:{port}", "localabstract:socket") in client.forwards()
    client.end_forward(f"tcp:{port}")
    assert client.forwards() == set()


def test_reverses_are_listed_and_removed(client: Client) -> None:
    client.reverse("tcp:7200", "tcp:9000")
    with pytest.raises(Failed, match="cannot rebind"):
        client.reverse("tcp:7200", "tcp:9001", norebind=True)
    client.reverse("tcp:7200", "tcp:9002")
    client.reverse("localabstract:back", "tcp:9003")
    assert client.reverses() == {("tcp:7200", "tcp:9002"), ("localabstract:back", "tcp:9003")}
    client.end_reverse("tcp:7200")
    assert client.reverses() == {("localabstract:back", "tcp:9003")}
    client.end_reverses()
    assert client.reverses() == set()


def test_a_user_build_cannot_be_root(client: Client) -> None:
    assert client.root() == "adbd cannot run as root in production builds"
    assert client.shell("id -u")[0] == "2000\n"
    assert client.state() == "device"


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        (["jdwp"], {7: "", 16: ""}),
        # From Android 10 on newer adbs run a program instead, which a user build lacks.
        (["disable-verity"], {7: "only works for userdebug builds", 16: "only works for userdebug|not found"}),
        (["remount"], {7: "Not running as root", 16: "not found"}),
        (["unroot"], {7: "adbd not running as root", 16: "adbd not running as root"}),
        (["get-state"], {7: "device", 16: "device"}),
        (["shell", "-tt", "echo $((6*7))"], {7: "42", 16: "42"}),
    ],
)
def test_services_for_developers_answer_as_on_a_user_build(
    client: Client, android: int, words: list[str], answers: dict[int, str]
) -> None:
    if isinstance(client, Program):
        try:
            said = client.run(*words)
        except Failed as failure:
            said = str(failure)
        assert re.search(answers[android], said)
    else:
        with client._device.open_transport() as stream:
            stream.send_command("jdwp")
            stream.check_okay()
            assert stream.read_until_close() == ""
