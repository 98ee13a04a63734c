"""`am instrument`: what is printed, logged and left of a job, with a small program in place of the JVM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mobilebench.virtual.android import instrumentation
from mobilebench.virtual.android.apps import am
from mobilebench.virtual.android.commands import COMMANDS
from mobilebench.virtual.android.device import CommandOutput, Device
from mobilebench.virtual.android.instrumentation import BadUse, Request, parse
from mobilebench.virtual.android.running_apps import ANR, CRASH, KILL, SWITCH
from tests.virtual.making_apks import Made
from tests.virtual.test_packages import PACKAGE, install, phone

COMPONENT = f"{PACKAGE}/.RunnerInstrumentation"
FULL = f"{PACKAGE}/{PACKAGE}.RunnerInstrumentation"
_CORE = """#!{python}
import os, pathlib, sys
if sys.argv[-1] == "-version":
    sys.stderr.write('openjdk version "17.0.15" 2025-04-15\\n')
    sys.exit()
job, answer = map(pathlib.Path, sys.argv[-2:])
print("stage=setup", flush=True)
orders = job.read_text()
if "waits" in orders:
    os.read(os.open(str(job.parent / "gate"), os.O_RDONLY), 1)
if "signal" in orders:
    os.kill(os.getpid(), int(orders.partition("signal ")[2].partition('"')[0]))
print("a line of an engine", flush=True)
print("stage=done", flush=True)
answer.write_text("[1]")
sys.exit(3 if "unsupported" in orders else 0)
"""


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    """A phone with the app, and a program that says what the core says on a JVM."""
    program = tmp_path / "java"
    program.write_text(_CORE.format(python=sys.executable))
    program.chmod(0o755)
    assets = tmp_path / "assets"
    assets.mkdir()
    for name in instrumentation._JARS:
        (assets / name).touch()
    monkeypatch.setattr(instrumentation, "_java", lambda: str(program))
    monkeypatch.setattr(instrumentation, "_assets", lambda: assets)
    made = phone(tmp_path)
    install(made, Made())
    return made


def folder(device: Device, job: str = "ab") -> Path:
    return Path(device.config.path(f"/data/data/{PACKAGE}/files/jobs/{job}"))


def give(device: Device, orders: str = "", context: str = "app-service") -> None:
    folder(device).mkdir(parents=True, exist_ok=True)
    (folder(device) / "job.json").write_text(json.dumps({"context": context, "orders": orders}))


def words(context: str = "app-service", job: str = "ab") -> list[str]:
    return ["instrument", "-w", "-r", "-e", "job", job, "-e", "context", context, COMPONENT]


async def printed(output: CommandOutput) -> list[str]:
    text = output.stdout
    if output.pieces is not None:
        async for piece in output.pieces:
            text += piece
    return text.splitlines()


def run(device: Device, *arguments: str) -> list[str]:
    async def whole() -> list[str]:
        return await printed(await am(device, arguments))

    return asyncio.run(whole())


def run_meanwhile(device: Device, does: Callable[[], Awaitable[None]], context: str = "app-service") -> list[str]:
    """Run a job that waits after its first stage until something was done."""
    give(device, "waits", context)
    os.mkfifo(folder(device) / "gate")

    async def whole() -> list[str]:
        output = await am(device, words(context))
        assert output.pieces is not None
        found = [await anext(output.pieces)]
        await does()
        ends = asyncio.ensure_future(_open(folder(device) / "gate"))
        async for piece in output.pieces:
            found.append(piece)
        ends.cancel()
        return "".join(found).splitlines()

    return asyncio.run(whole())


async def _open(gate: Path) -> None:
    """Let the job go on, if it is there."""
    while True:
        try:
            os.write(descriptor := os.open(gate, os.O_WRONLY | os.O_NONBLOCK), b"1")
        except OSError:
            await asyncio.sleep(0.01)
        else:
            os.close(descriptor)
            return


def about(device: Device) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder(device) / "app.json").read_text())
    return found


def last_exit(device: Device) -> str:
    return device.state.exits[PACKAGE].partition(" ")[0]


def test_a_job_is_run_and_reported(device: Device) -> None:
    give(device)
    assert run(device, *words()) == [
        "INSTRUMENTATION_STATUS: stage=setup",
        "INSTRUMENTATION_STATUS_CODE: 0",
        "INSTRUMENTATION_STATUS: stage=done",
        "INSTRUMENTATION_STATUS_CODE: 0",
        "INSTRUMENTATION_RESULT: exit=0",
        "INSTRUMENTATION_CODE: -1",
    ]
    assert (folder(device) / "answer.json").read_text() == "[1]"
    facts = about(device)
    assert (facts["schema"], facts["job"], facts["context"]) == ("mobilebench.app/1", "ab", "app-service")
    assert (facts["virtual"], facts["jvm"], facts["visible"], facts["sdk"]) == (True, "OpenJDK 17.0.15", False, 34)
    assert (facts["apk_version"], facts["importance"], facts["cpuset"]) == ("0.1", None, None)
    assert device.apps.running == {}
    assert last_exit(device) == "10"
    log = (device.files.metadata / "logcat").read_text()
    assert "\tmobilebench\t" in log and "a line of an engine" in log


def test_the_runner_s_exit_code_is_the_result(device: Device) -> None:
    give(device, "unsupported")
    assert "INSTRUMENTATION_RESULT: exit=3" in run(device, *words())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (words(job="../ab"), "The job's id has to be 1 to 64 digits of a hexadecimal number (-e job ID)."),
        (words("shell"), "The context has to be app-foreground or app-service (-e context NAME)."),
        (words(job="cd"), "There is no files/jobs/cd/job.json."),
        (words("app-foreground"), "The job is for context app-service, not for app-foreground."),
    ],
)
def test_a_job_that_is_not_run(device: Device, arguments: list[str], sentence: str) -> None:
    give(device)
    assert run(device, *arguments) == [
        f"INSTRUMENTATION_RESULT: error={sentence}",
        "INSTRUMENTATION_RESULT: exit=2",
        "INSTRUMENTATION_CODE: -1",
    ]
    assert not (folder(device) / "app.json").exists()


def test_a_foreground_job_needs_a_screen_that_is_on(device: Device) -> None:
    give(device, context="app-foreground")
    asyncio.run(COMMANDS["input"](device, ["keyevent", "SLEEP"]))
    assert "INSTRUMENTATION_RESULT: exit=1" in run(device, *words("app-foreground"))
    sentence = "The app did not come to the foreground within 10 s"
    assert run(device, *words("app-foreground"))[0].startswith(f"INSTRUMENTATION_RESULT: error={sentence}")


def test_a_running_app_is_seen_and_in_front(device: Device) -> None:
    async def look() -> None:
        pid = device.apps.running[PACKAGE].pid
        assert (await COMMANDS["pidof"](device, [PACKAGE])).stdout == f"{pid}\n"
        listed = (await COMMANDS["ps"](device, ["-p", str(pid), "-o", "USER,NAME"])).stdout.split()
        assert listed[-2:] == ["u0_a200", PACKAGE]
        activities = (await COMMANDS["dumpsys"](device, ["activity", "activities"])).stdout
        assert f"{PACKAGE}/.RunnerActivity" in activities
        processes = (await COMMANDS["dumpsys"](device, ["activity", "processes"])).stdout
        assert f"{pid}:{PACKAGE}/u0_a200" in processes and "mCurProcState=TOP" in processes

    assert "INSTRUMENTATION_RESULT: exit=0" in run_meanwhile(device, look, "app-foreground")
    assert about(device)["visible"] is True
    assert PACKAGE not in device.front


def crashed(lines: list[str]) -> bool:
    return lines[-2:] == ["INSTRUMENTATION_RESULT: shortMsg=Process crashed.", "INSTRUMENTATION_CODE: 0"]


def test_a_forced_stop_ends_it(device: Device) -> None:
    async def stop() -> None:
        await am(device, ["force-stop", PACKAGE])

    assert crashed(run_meanwhile(device, stop))
    assert last_exit(device) == "10"
    assert not (folder(device) / "app.json").exists()


def test_another_start_ends_it(device: Device) -> None:
    async def again() -> None:
        give(device)
        assert "INSTRUMENTATION_RESULT: exit=0" in await printed(await am(device, words()))

    assert crashed(run_meanwhile(device, again))


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGSEGV, "5"), (signal.SIGABRT, "5"), (signal.SIGKILL, "2")])
def test_a_process_that_dies(device: Device, number: signal.Signals, reason: str) -> None:
    give(device, f"signal {number.value}")
    assert crashed(run(device, *words()))
    assert last_exit(device) == reason


@pytest.mark.parametrize(("fault", "reason"), [(CRASH, "4"), (KILL, "3"), (ANR, "6")])
@pytest.mark.parametrize("waits", [True, False])
def test_a_fault_of_a_service(device: Device, fault: str, reason: str, waits: bool) -> None:
    happened: list[str] = []

    async def cause() -> None:
        device.apps.wait_for_job(fault, lambda: happened.append(fault))

    if waits:
        give(device)
        asyncio.run(cause())
        assert happened == []
        assert crashed(run(device, *words()))
    else:
        assert crashed(run_meanwhile(device, cause))
    assert (happened, last_exit(device)) == ([fault], reason)
    give(device)
    assert "INSTRUMENTATION_RESULT: exit=0" in run(device, *words())


def test_an_app_in_front_that_hangs(device: Device) -> None:
    give(device, context="app-foreground")
    device.apps.wait_for_job(ANR, lambda: None)
    lines = run(device, *words("app-foreground"))
    assert lines[-2:] == ["INSTRUMENTATION_RESULT: shortMsg=keyDispatchingTimedOut", "INSTRUMENTATION_CODE: 0"]
    assert lines[-3].startswith("INSTRUMENTATION_RESULT: longMsg=Input dispatching timed out")
    assert last_exit(device) == "10"
    assert f"ANR in {PACKAGE}" in (device.files.metadata / "logcat").read_text()


@pytest.mark.parametrize("how", ["fault", "home"])
def test_the_user_switches_away(device: Device, how: str) -> None:
    async def leave() -> None:
        if how == "fault":
            device.apps.wait_for_job(SWITCH, lambda: None)
        else:
            await COMMANDS["input"](device, ["keyevent", "HOME"])
        assert "launcher" in device.front

    assert "INSTRUMENTATION_RESULT: exit=0" in run_meanwhile(device, leave, "app-foreground")
    assert about(device)["visible"] is False


def test_a_service_cannot_be_switched_away_from(device: Device) -> None:
    happened: list[str] = []
    device.apps.wait_for_job(SWITCH, lambda: happened.append(SWITCH))
    give(device)
    assert "INSTRUMENTATION_RESULT: exit=0" in run(device, *words())
    assert happened == []


def refused(device: Device, *arguments: str) -> CommandOutput:
    return asyncio.run(am(device, arguments))


def test_an_unknown_instrumentation(device: Device) -> None:
    answer = refused(device, "instrument", "-w", "-r", "org.none/.Test")
    assert answer.stdout.splitlines() == [
        "INSTRUMENTATION_STATUS: Error=Unable to find instrumentation info for: ComponentInfo{org.none/org.none.Test}",
        "INSTRUMENTATION_STATUS: id=ActivityManagerService",
        "INSTRUMENTATION_STATUS_CODE: -1",
        "onError: commandError=true message=INSTRUMENTATION_FAILED: org.none/org.none.Test",
    ]
    assert answer.stderr.startswith("android.util.AndroidException: INSTRUMENTATION_FAILED: org.none/org.none.Test\n")
    assert answer.code == 1
    assert refused(device, "instrument", "-w", f"{PACKAGE}/.Other").code == 1


def test_an_app_that_is_not_mobilebench_s(device: Device) -> None:
    install(device, Made(package="org.other", instrumentation="org.other.Test"))
    assert "runs no app but mobilebench's" in refused(device, "instrument", "-w", "org.other/.Test").stdout


def test_what_is_missing_on_this_computer_is_named(
    device: Device, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(instrumentation, "_assets", lambda: tmp_path / "none")
    assert "core.jar is not built here" in refused(device, *words()).stdout
    monkeypatch.setattr(instrumentation, "_java", lambda: None)
    assert "there is no java here" in refused(device, *words()).stdout
    assert f"INSTRUMENTATION_FAILED: {FULL}" in refused(device, *words()).stderr


def test_command_lines() -> None:
    assert parse(words()[1:]) == Request(FULL, wait=True, raw=True, arguments={"job": "ab", "context": "app-service"})
    assert parse(["--user", "0", "--no-window-animation", "a.b/c.D"]) == Request("a.b/c.D")
    for bad in ([], ["-e", "job"], ["-x", "a/b"], ["-w", "a.b/"], ["-p"]):
        with pytest.raises(BadUse):
            parse(bad)


def test_it_is_called_by_am_only(device: Device) -> None:
    answer = asyncio.run(COMMANDS["cmd"](device, ["activity", *words()]))
    assert answer.stdout == "Error: must be invoked through 'am instrument'.\n"
