"""Virtual phones as targets, through both adb programs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mobilebench import targets
from mobilebench.core.errors import BadInput, BlockFailed, TargetLost, Unsupported
from mobilebench.recorders import reading
from mobilebench.recorders.base import Subject
from mobilebench.recorders.registry import READERS
from mobilebench.targets.android import adb_protocol, description
from mobilebench.targets.android.browsers import CHROME_FLAGS_FILE
from mobilebench.targets.android.device_changes import RESTORE_FILE
from mobilebench.targets.limits import Limit
from mobilebench.virtual import phone_records, phones, sandbox
from mobilebench.virtual.browsers import CHROME_SOCKET as SOCKET
from tests.results.making import with_short_idle

pytestmark = [pytest.mark.adb, pytest.mark.timeout(120)]

NASTY = ["", " a  b ", "$HOME `id` $(id)", 'it\'s "quoted"', "; exit 3 #", "*", "line\nbreak", "-n", "\\", "é→"]


def output_of(phone, *argv):
    return phone.shell(list(argv), timeout=60).stdout.decode()


def forwards():
    return adb_protocol.query("host:list-forward", Limit("listing forwards", 5))


def reverses(serial):
    limit = Limit("listing reverses", 5)
    with adb_protocol.service(serial, "reverse:list-forward", limit) as stream:
        return adb_protocol.read_text(stream, limit).decode()


def test_a_phone_is_described_and_marked_as_virtual(rack):
    serial = rack("plain")
    (info,) = targets.select(serial)
    assert (info.id, info.kind, info.virtual, info.state) == (serial, "android", True, "device")
    assert info.soc.startswith("virtual: ")
    assert (info.profile, info.profile_soc) == ("snapdragon-8-gen-2", "Snapdragon 8 Gen 2")
    assert info.runner == f"linux-{os.uname().machine}"
    assert info.machine == targets.select("host")[0].machine
    assert info.cores == len(os.sched_getaffinity(0))
    assert [info.id for info in targets.discover()][:1] == ["host"]
    assert serial in [info.id for info in targets.discover()]


def test_arguments_variables_outputs_and_exit_codes(open_phone):
    with open_phone() as phone:
        answer = phone.shell(["printf", "%s|", *NASTY], timeout=60)
        assert answer.stdout.decode() == "".join(f"{text}|" for text in NASTY)
        for text in NASTY:
            answer = phone.shell(
                ["sh", "-c", 'printf "%s" "$X"; echo bad >&2; exit 7'], timeout=60, environment={"X": text}
            )
            assert (answer.stdout.decode(), answer.stderr, answer.exit_code) == (text, b"bad\n", 7)
        assert phone.shell(["no-such-program"], timeout=60).exit_code == 127
        assert phone.shell(["cat"], timeout=60).stdout == b""


def test_large_output_arrives_whole(open_phone):
    with open_phone() as phone:
        assert len(phone.shell(["head", "-c", "3000000", "/dev/zero"], timeout=60).stdout) == 3_000_000


@pytest.mark.parametrize("by", ["limit", "cancel"])
def test_a_command_that_is_given_up_ends_on_the_phone_too(open_phone, by):
    cancel = threading.Event()
    with open_phone() as phone:
        if by == "cancel":
            threading.Timer(0.3, cancel.set).start()
        began = time.monotonic()
        with pytest.raises(BlockFailed, match="cancelled" if by == "cancel" else "did not end"):
            phone.shell(["sleep", "4321"], timeout=60 if by == "cancel" else 0.3, cancel=cancel)
        assert time.monotonic() - began < 30
        for _ in range(600):
            if "4321" not in output_of(
                phone, "sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
            ).replace("cat /proc", ""):
                return
            time.sleep(0.1)
        raise AssertionError("it still runs on the phone")


def test_a_phone_switched_off_in_the_middle_of_a_command_is_lost(rack):
    info = targets.select(rack("unplugged"))[0]
    with pytest.raises(TargetLost, match=info.id), targets.open_target(info) as phone:
        threading.Timer(0.5, phones.down, args=[["unplugged"]]).start()
        phone.shell(["sleep", "120"], timeout=90)
    with pytest.raises((TargetLost, BadInput)), targets.open_target(info) as phone:
        phone.shell(["true"], timeout=60)


def test_a_file_is_pushed_once(open_phone, tmp_path):
    file = tmp_path / "run me"
    file.write_bytes(b'#!/bin/sh\necho ran with "$1"\n' + b"#" * 300_000)
    with open_phone() as phone:
        first = phone.push(file, executable=True)
        again = phone.push(file, executable=True)
        assert first.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        assert (first.transferred, again.transferred, again.path) == (True, False, first.path)
        assert output_of(phone, "sh", str(first.path), "a b") == "ran with a b\n"
        assert output_of(phone, "stat", "-c", "%a", str(first.path)) == "755\n"
        back = tmp_path / "back"
        phone.pull(first.path, back)
        assert back.read_bytes() == file.read_bytes()
    with open_phone() as phone:
        assert not phone.push(file, executable=True).transferred
        phone.shell(["sh", "-c", f"echo changed > '{first.path}'"], timeout=60)
    with open_phone() as phone:
        assert phone.push(file, executable=True).transferred
        assert output_of(phone, "sh", str(first.path), "x") == "ran with x\n"
        assert output_of(phone, "find", str(first.path).rpartition("/")[0], "-name", "*.part") == ""


def test_a_full_phone_is_reported_and_keeps_no_partial_file(open_phone, tmp_path):
    file = tmp_path / "large"
    file.write_bytes(os.urandom(9_000_000))
    small = tmp_path / "small"
    small.write_bytes(b"x")
    with open_phone("small", data_mb=6) as phone:
        with pytest.raises(BlockFailed, match=r"large takes 9\.0 MB") as caught:
            phone.push(file)
        assert caught.value.fault == "no space"
        assert "large" not in output_of(phone, "find", "/data/local/tmp")
        assert phone.push(small).transferred


def test_the_phone_reaches_pages_of_this_computer_and_ports_are_released(rack, open_phone):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello phone")

        def log_message(self, *arguments):
            pass

    serial = rack("plain")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    try:
        with open_phone() as phone:
            with phone.reverse(port) as origin:
                assert re.fullmatch(rf"http://block-[0-9a-f]{{12}}\.localhost:{port}", origin)
                assert f"tcp:{port}" in reverses(serial)
                with phone.reverse(port) as second:
                    assert second != origin
                    for where in (origin, second):
                        remote = f"tcp:{where.rpartition(':')[2]}"
                        local = f"tcp:{adb_protocol.free_port()}"
                        assert adb_protocol.forward(serial, local, remote)
                        with urllib.request.urlopen(f"http://127.0.0.1:{local[4:]}", timeout=60) as answer:
                            assert answer.read() == b"hello phone"
                        adb_protocol.remove_forward(serial, local, remote)
            assert reverses(serial) == ""
            assert output_of(phone, "ls", "/data/local/tmp/mobilebench") in {"files\nlock\n", "lock\n"}
    finally:
        server.shutdown()
        server.server_close()
    assert forwards() == ""


def test_chrome_runs_with_our_flags_stays_for_the_next_block_and_leaves_nothing(open_phone, rack):
    serial = rack("plain")
    with open_phone() as phone:
        phone.shell(["sh", "-c", f"printf '_ --mine' > {CHROME_FLAGS_FILE}"], timeout=60)
        before = phones.state_of("plain").settings
    with open_phone() as phone:
        with phone.browser("chrome", ["--window-size=321,456"]) as browser:
            assert browser.version == phone.info.browsers["chrome"]
            assert "--window-size=321,456" in browser.flags
            assert "--window-size=321,456" in output_of(phone, "cat", CHROME_FLAGS_FILE)
            with urllib.request.urlopen(f"{browser.address}/json/list", timeout=60) as answer:
                assert json.load(answer)
        with phone.browser("chrome", ["--window-size=321,456"]) as again:
            assert again == browser, "the browser that was started for the last block is used again"
        with phone.browser("chrome", ["--window-size=111,111"]) as other:
            assert other.address != browser.address
        assert json.loads(output_of(phone, "cat", RESTORE_FILE))["owner"]["pid"] == os.getpid()
        assert output_of(phone, "settings", "get", "global", "debug_app") == "com.android.chrome\n"
    assert forwards() == ""
    with open_phone() as phone:
        assert output_of(phone, "cat", CHROME_FLAGS_FILE) == "_ --mine"
        assert phones.state_of("plain").settings == before
        assert phone.shell(["ls", RESTORE_FILE], timeout=60).exit_code != 0
        assert not _chrome_answers(serial)


def test_changes_of_a_killed_run_are_put_back_by_the_next_one(rack, open_phone):
    serial = rack("plain")
    with open_phone() as phone:
        phone.shell(["sh", "-c", f"printf '_ --mine' > {CHROME_FLAGS_FILE}"], timeout=60)
        phone.shell(["settings", "put", "global", "stay_on_while_plugged_in", "3"], timeout=60)
    code = (
        "import sys, time\n"
        "from mobilebench import targets\n"
        "with targets.open_target(targets.select(sys.argv[1])[0]) as phone:\n"
        "    with phone.browser('chrome', ['--left-behind']), phone.reverse(45678):\n"
        "        print('changed', flush=True)\n"
        "        time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code, serial], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "changed\n"
        info = targets.select(serial)[0]
        with pytest.raises(BadInput, match=f"being measured by pid {other.pid}"), targets.open_target(info):
            raise AssertionError("two runs at once on one phone")
        assert "tcp:45678" in reverses(serial)
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
    assert SOCKET in forwards()
    with open_phone() as phone:
        assert output_of(phone, "cat", CHROME_FLAGS_FILE) == "_ --mine"
        assert output_of(phone, "settings", "get", "global", "stay_on_while_plugged_in") == "3\n"
        assert phone.shell(["ls", RESTORE_FILE], timeout=60).exit_code != 0
        phone.shell(["settings", "delete", "global", "stay_on_while_plugged_in"], timeout=60)
    assert (forwards(), reverses(serial)) == ("", "")
    assert not _chrome_answers(serial)


OPEN = "import sys\nfrom mobilebench import targets\nwith targets.open_target(targets.select(sys.argv[1])[0]): pass\n"


def tried_elsewhere(serial, **environment):
    """Output of another process that tries to open the phone."""
    return subprocess.run(
        [sys.executable, "-c", OPEN, serial],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    ).stderr


def test_a_run_with_another_home_is_refused(rack, tmp_path, open_phone):
    serial = rack("plain")
    with open_phone():
        output = tried_elsewhere(serial, MOBILEBENCH_HOME=str(tmp_path))
        assert f"is being measured by pid {os.getpid()}" in output
    assert tried_elsewhere(serial, MOBILEBENCH_HOME=str(tmp_path)) == ""


def test_a_run_without_the_local_lock_is_refused_by_the_phones_lock(rack, open_phone):
    """Makes this process look like one of another computer."""
    serial = rack("plain")
    with open_phone() as phone, phone.reverse(45678):
        output = tried_elsewhere(serial, MOBILEBENCH_LOCKS="elsewhere")
        assert f"is being measured by pid {os.getpid()}" in output
        assert "its lease ends at" in output
        assert "tcp:45678" in reverses(serial)
    assert tried_elsewhere(serial, MOBILEBENCH_LOCKS="elsewhere") == ""


@pytest.fixture
def second_serial(rack):
    """A connection to the phone `plain` under another serial."""
    port = rack("plain").rpartition(":")[2]
    serial = f"localhost:{port}"
    subprocess.run(["adb", "connect", serial], capture_output=True, check=True)
    yield serial
    subprocess.run(["adb", "disconnect", serial], capture_output=True, check=True)


def test_a_second_serial_of_a_phone_is_marked_and_not_measured(rack, second_serial):
    first = rack("plain")
    for named in (f"{first},{second_serial}", f"{second_serial},{first}"):
        measured, other = targets.select(named)
        assert (measured.state, other.state) == ("device", f"the same phone as {measured.id}")
    states = {info.id: info.state for info in targets.discover([first])}
    assert (states[first], states[second_serial]) == ("device", f"the same phone as {first}")


def test_a_phone_is_held_under_both_its_serials(rack, second_serial, open_phone):
    (other,) = targets.select(second_serial)
    with open_phone() as phone, phone.browser("chrome"):
        before = phones.state_of("plain").settings.global_["debug_app"]
        with pytest.raises(BadInput, match=f"{second_serial} is the same phone as"), targets.open_target(other):
            raise AssertionError("two writers of one restore file")
        for more in ({}, {"MOBILEBENCH_LOCKS": "elsewhere"}):
            assert f"is being measured by pid {os.getpid()}" in tried_elsewhere(second_serial, **more)
        assert phones.state_of("plain").settings.global_["debug_app"] == before
    with targets.open_target(other) as phone:
        assert phone.shell(["ls", RESTORE_FILE], timeout=60).exit_code != 0


def test_changes_made_under_one_serial_are_put_back_under_the_other(rack, second_serial):
    serial = rack("plain")
    before = phones.state_of("plain").settings
    code = OPEN.replace(
        "[0]): pass", "[0]) as p, p.browser('chrome'), p.reverse(45690):\n print(1, flush=True)\n input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, second_serial], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "1\n"
    with pytest.raises(BadInput, match=f"being measured by pid {other.pid}"):
        targets.restore(targets.select(serial)[0])
    other.kill()
    other.communicate()
    info = targets.select(serial)[0]
    assert targets.phone_statuses([info])[serial].restore_due
    assert SOCKET in forwards()
    found = targets.restore(info)
    assert "the debug app is none" in found.put_back
    assert (found.left, found.notices) == ((), ())
    assert phones.state_of("plain").settings == before
    assert (forwards(), reverses(second_serial)) == ("", "")
    assert not targets.phone_statuses([info])[serial].restore_due
    assert targets.restore(info).lines == []


@pytest.fixture
def refusing(rack):
    """A phone whose `settings` refuses changes or reads."""
    rack("strict")
    programs = phone_records.folder("strict") / "system/bin"
    (programs / "real").mkdir(exist_ok=True)
    (programs / "real/settings").unlink(missing_ok=True)
    (programs / "real/settings").symlink_to("../ask")

    def refuse(words, answer):
        (programs / "settings").unlink()
        (programs / "settings").write_text(
            f'#!/system/bin/sh\ncase "$1" in {words}) {answer};; *) exec /system/bin/real/settings "$@";; esac\n'
        )
        (programs / "settings").chmod(0o755)

    yield refuse
    phones.down(["strict"])


SECURITY = "echo java.lang.SecurityException: Permission denial: writing to settings requires"
NO_SERVICE = "echo cmd: Can\\'t find service: settings"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("put|delete", f"{SECURITY} >&2; exit 255"),
        ("put|delete", SECURITY),
        ("put|delete", "true"),
        ("get", f"{NO_SERVICE}; exit 20"),
        ("*", NO_SERVICE),
    ],
)
def test_a_phone_whose_settings_are_refused_or_unreadable(refusing, open_phone, words, answer):
    unset = "settings.global.wait_for_debugger"  # `am` sets it beside, and only `settings` can delete it
    phones.change_state("strict", {"settings.global.stay_on_while_plugged_in": "3", unset: "0"})
    before = phones.state_of("strict").settings
    refusing(words, answer)
    with open_phone("strict") as phone:
        if words == "put|delete":
            with phone.browser("chrome") as browser:
                assert browser.notes[0].startswith("the screen may go off: ")
                assert phones.state_of("strict").settings.global_["stay_on_while_plugged_in"] == "3"
        else:
            with pytest.raises(BlockFailed, match="could not be read"), phone.browser("chrome"):
                raise AssertionError("Chrome's flags were taken for settable")
        assert phone.shell(["true"], timeout=60).exit_code == 0
    assert phones.state_of("strict").settings == before
    with open_phone("strict") as phone:
        assert phone.notices == ()
        assert phone.shell(["ls", RESTORE_FILE], timeout=60).exit_code != 0


@pytest.mark.skipif(
    sandbox.namespaces() == "none", reason="without namespaces virtual phones share kernel and processes"
)
def test_two_phones_with_one_serial_number_are_two(rack):
    names = ("plain", "double")
    serials = [rack(name) for name in names]
    config = phone_records.folder("double") / "metadata/mobilebench/config.json"
    phones.down(["double"])
    number = json.loads((phone_records.folder("plain") / "metadata/mobilebench/config.json").read_text())
    with pytest.MonkeyPatch.context() as patch:
        made = phones.device_identity.properties
        patch.setattr(phones.device_identity, "properties", lambda profile, name, *more: made(profile, "plain", *more))
        rack("double")
    assert json.loads(config.read_text())["properties"]["ro.serialno"] == number["properties"]["ro.serialno"]
    found = targets.select(",".join(serials))
    assert [info.state for info in found] == ["device", "device"]
    with targets.open_target(found[0]), targets.open_target(found[1]) as phone:
        assert output_of(phone, "getprop", "ro.serialno") == "plain\n"
    phones.down(["double"])


def test_files_of_killed_runs_are_removed_by_the_next_one(open_phone):
    folder = "/data/local/tmp/mobilebench"
    with open_phone() as phone:
        made = f"mkdir -p {folder}/scratch/x {folder}/files/abc && echo half > {folder}/files/abc/model.part"
        assert (
            phone.shell(["sh", "-c", f"{made} && echo x > {folder}/restore.json.dead.part"], timeout=60).exit_code == 0
        )
    with open_phone() as phone:
        left = output_of(phone, "find", folder)
        assert "scratch" not in left
        assert ".part" not in left
        assert "files/abc" not in left


@pytest.mark.parametrize("content", ["", "{", '{"schema": "mobilebench/restore/2", "steps": []}'])
def test_an_invalid_restore_file_blocks_no_run(open_phone, content):
    with open_phone() as phone:
        phone.shell(["sh", "-c", f"printf %s '{content}' > {RESTORE_FILE}"], timeout=60)
    with open_phone() as phone:
        assert len(phone.notices) == 1
        assert phone.shell(["ls", RESTORE_FILE], timeout=60).exit_code != 0
        moved_aside = output_of(
            phone, "sh", "-c", f"cat {RESTORE_FILE}.unreadable-*; rm -f {RESTORE_FILE}.unreadable-*"
        )
        assert moved_aside == content


def test_a_phone_without_chrome_is_unsupported_and_unchanged(open_phone):
    with open_phone("bare", chrome=False) as phone:
        assert phone.info.browsers == {}
        with pytest.raises(Unsupported, match=r"com\.android\.chrome"), phone.browser("chrome"):
            pass
        with pytest.raises(Unsupported, match="firefox"), phone.browser("firefox"):
            pass
        assert phone.shell(["ls", CHROME_FLAGS_FILE], timeout=60).exit_code != 0


@pytest.mark.parametrize("fault", ["offline", "unauthorized"])
def test_a_phone_that_cannot_be_used(rack, fault):
    serial = rack(f"faulty-{fault}", fault=fault)
    assert {info.id: info.state for info in targets.discover()}[serial] == fault
    with pytest.raises(BadInput, match=f"{serial} cannot be measured: it is {fault}"):
        targets.select(serial)
    phones.down([f"faulty-{fault}"])


def test_two_phones_at_once(rack, tmp_path):
    file = tmp_path / "model"
    file.write_bytes(os.urandom(2_000_000))
    infos = targets.select(f"{rack('plain')},{rack('second')}")
    failures = []

    def work(info):
        try:
            with targets.open_target(info) as phone, phone.reverse(45679) as origin:
                phone.push(file)
                assert output_of(phone, "echo", info.id) == f"{info.id}\n"
                assert origin
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[info]) for info in infos]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_recorders_read_a_phone(open_phone):
    with open_phone() as phone:
        found = {}
        for make in READERS.values():
            recorder = make(None)
            subject = Subject(phone, block=with_short_idle())
            recorder.start(subject)
            recorder.stop(subject)
            found |= {(series.recorder, series.name): series for series in recorder.result().series}
    assert len(found["battery", "level"].values) == 2
    assert 0 <= found["battery", "level"].values[0] <= 100
    assert -20 < found["battery", "temperature"].values[0] < 80
    assert found["thermal", "cpu"].unit == "°C"
    assert found["load", "load_1min"].values[0] >= 0


def _chrome_answers(serial):
    local = f"tcp:{adb_protocol.free_port()}"
    assert adb_protocol.forward(serial, local, SOCKET)
    try:
        with socket.create_connection(("127.0.0.1", int(local[4:])), timeout=60) as stream:
            stream.sendall(b"GET /json/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return stream.recv(10) != b""
    except OSError:
        return False
    finally:
        adb_protocol.remove_forward(serial, local, SOCKET)


def test_services_that_hang_leave_only_their_fields_unknown(rack, monkeypatch):
    monkeypatch.setattr(description, "TOGETHER_SECONDS", 2.0)  # too short is no fault: each is asked alone then
    monkeypatch.setattr(description, "SERVICE_SECONDS", 6.0)
    serial = rack("hanging")
    for service, field in [("battery", "battery_percent"), ("package", "browsers"), ("SurfaceFlinger", None)]:
        phones.change_state("hanging", {f"services.{service}": "hangs"})
        (info,) = targets.select(serial)
        assert (info.state, info.cores, info.virtual) == ("device", len(os.sched_getaffinity(0)), True)
        assert set(info.unknown) == ({field} if field else set()), "of a virtual phone the GPU is known"
        assert all("did not answer within 6.0 s" in reason for reason in info.unknown.values())
        phones.change_state("hanging", {f"services.{service}": None})
    phones.change_state("hanging", {f"services.{name}": "hangs" for name in ("battery", "package", "window")})
    (info,) = targets.select(serial)
    with targets.open_target(info) as phone:
        assert output_of(phone, "echo", "well") == "well\n"
    phones.down(["hanging"])


def test_a_recorder_stops_asking_a_service_that_hangs(open_phone, monkeypatch):
    monkeypatch.setattr(reading, "LIMIT_SECONDS", 1.0)
    recorder = READERS["thermal"](None)
    with open_phone("warm") as phone:
        phones.change_state("warm", {"services.thermalservice": "hangs"})
        for _ in range(3):
            subject = Subject(phone, block=with_short_idle())
            recorder.start(subject)
            recorder.stop(subject)
        (reason,) = {series.reason for series in recorder.result().series}
        assert "2 times" in reason
    phones.down(["warm"])


def test_values_that_were_set_by_hand_are_no_readings(open_phone):
    recorder = READERS["battery"](None)
    with open_phone("faked") as phone:
        recorder.start(Subject(phone))
        output_of(phone, "dumpsys", "battery", "set", "level", "5")
        recorder.stop(Subject(phone))
        level = next(one for one in recorder.result().series if one.name == "level")
        assert level.values == [87]
        assert level.reason.startswith("after the block: the phone shows values that were set by hand")
    phones.down(["faked"])


def test_a_disabled_browser_is_not_offered(rack):
    dump = """Packages:
  Package [com.android.chrome] (1f2e3d):
    versionName=120.0.6099.43
    User 0: ceDataInode=1 installed=true hidden=false suspended=false stopped=false enabled=3 instant=false
Hidden system packages:
  Package [com.android.chrome] (4c5b6a):
    versionName=101.0.0.1"""
    serial = rack("disabled")
    phones.change_state("disabled", {"services.package": dump})
    (info,) = targets.select(serial)
    assert info.unusable_browsers == {"chrome": "Chrome is disabled on this phone"}
    assert info.browsers == {}
    phones.change_state("disabled", {"services.package": dump.replace("enabled=3", "enabled=0")})
    assert targets.select(serial)[0].browsers == {"chrome": "120.0.6099.43"}
    phones.down(["disabled"])
