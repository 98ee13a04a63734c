"""`am instrument`: runs a job of mobilebench's app, by the app's core on this computer's JVM.

What is printed is what frameworks/base, `Instrument.java` and `ActivityManagerService`, print on a phone, and what the
app's own `RunnerInstrumentation` reports. Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mobilebench.virtual import own_programs, processes
from mobilebench.virtual.android import app_data, packages
from mobilebench.virtual.android.app_process import NOT_RUN
from mobilebench.virtual.android.device import CommandOutput, Device, lines
from mobilebench.virtual.android.exits import note_exit
from mobilebench.virtual.android.packages import App
from mobilebench.virtual.android.running_apps import (
    DIED,
    FORCE_STOPPED,
    FOREGROUND,
    KILLED,
    NATIVE_CRASH,
    Ending,
    RunningApp,
)

PACKAGE = "org.mobilebench.app"
RUNNER = f"{PACKAGE}.RunnerInstrumentation"
_ACTIVITY = f"{PACKAGE}/{PACKAGE}.RunnerActivity"
_JARS = ("core.jar", "json.jar")
_MAIN = "org.mobilebench.core.Main"
_JAVA_PATH = "/usr/local/bin:/usr/bin:/bin"
_STAGE = re.compile(r"stage=([a-z][a-z-]{0,39})")
_ERROR_IS_REPORTED_SINCE = 26
"""API level from which `am instrument -r` prints `onError`, too."""
_SIGNALED = 128
_SIGABRT, _SIGSEGV, _SIGBUS, _SIGILL, _SIGFPE = 134, 139, 135, 132, 136
_FAILED = 1

NOTHING_KNOWN = dict.fromkeys(
    ("process_state", "importance", "oom_score_adj", "cpuset", "sched_group", "thermal_status", "thermal_headroom",
     "low_memory", "max_heap_mb")
)  # fmt: skip
"""Facts of an app's process that have no meaning on a virtual phone."""


@dataclass(frozen=True)
class Request:
    """A parsed command line of `am instrument`."""

    component: str
    """`package/full.name`."""
    wait: bool = False
    raw: bool = False
    arguments: dict[str, str] = field(default_factory=dict)


class BadUse(Exception):
    """The message of `am instrument` for words that it does not understand."""


def parse(words: Sequence[str]) -> Request:
    """Parse the words after `am instrument`. Raises `BadUse`."""
    wait = raw = False
    arguments: dict[str, str] = {}
    component = ""
    rest = list(words)

    def value(of: str) -> str:
        if not rest:
            raise BadUse(f'Argument expected after "{of}"')
        return rest.pop(0)

    while rest and not component:
        word = rest.pop(0)
        if word == "-w":
            wait = True
        elif word == "-r":
            raw = True
        elif word == "-e":
            name = value(word)
            arguments[name] = value(name)
        elif word in {"-p", "-f", "--user", "--abi"}:
            value(word)
        elif word in {"-m", "--no-window-animation", "--no_window_animation", "--no-hidden-api-checks"}:
            continue
        elif word.startswith("-"):
            raise BadUse(f"Unknown option: {word}")
        else:
            component = word
    if not component:
        raise BadUse("No instrumentation component supplied")
    package, slash, name = component.partition("/")
    if slash and (not package or not name):
        raise BadUse(f"Bad component name: {component}")
    return Request(f"{package}/{package}{name}" if name.startswith(".") else component, wait, raw, arguments)


async def instrument(device: Device, words: Sequence[str]) -> CommandOutput:
    """Start an instrumentation; with `-w`, what it reports is printed as it comes."""
    try:
        request = parse(words)
    except BadUse as error:
        return CommandOutput(stderr=lines(f"Error: {error}"), code=1)
    apps = packages.load(device.config)
    if "/" not in request.component:
        names = [one.name for app in apps.values() if app.package == request.component for one in app.instrumentations]
        if not names:
            return CommandOutput(stderr=lines(f"Error: No instrumentation found for: {request.component}"), code=1)
        request = Request(f"{request.component}/{names[0]}", request.wait, request.raw, request.arguments)
    found = packages.instrumentation(apps, request.component)
    if found is None:
        missing = f"Unable to find instrumentation info for: ComponentInfo{{{request.component}}}"
        return _refused(device, request, missing)
    app, declared = found
    if declared.target not in apps:
        return _refused(device, request, f"Unable to find instrumentation target package: {declared.target}")
    if reason := cannot_run(device, request.component):
        return _refused(device, request, reason)
    await device.apps.stop(app.package)
    reports: asyncio.Queue[str | None] = asyncio.Queue()
    device.begin(_run(device, app, request, reports))
    return CommandOutput(pieces=_printed(reports)) if request.wait else CommandOutput()


async def _printed(reports: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    while (text := await reports.get()) is not None:
        yield text


def _refused(device: Device, request: Request, error: str) -> CommandOutput:
    failed = f"INSTRUMENTATION_FAILED: {request.component}"
    status = lines(
        f"INSTRUMENTATION_STATUS: Error={error}",
        "INSTRUMENTATION_STATUS: id=ActivityManagerService",
        "INSTRUMENTATION_STATUS_CODE: -1",
    )
    also = lines(f"onError: commandError=true message={failed}")
    told = also if request.raw and device.api >= _ERROR_IS_REPORTED_SINCE else ""
    device.note("ActivityManager", error, level="W")
    thrown = lines(f"android.util.AndroidException: {failed}", "\tat com.android.commands.am.Instrument.run")
    return CommandOutput((status if request.wait else "") + told, stderr=thrown, code=1)


def cannot_run(device: Device, component: str) -> str | None:
    """Why this virtual phone cannot run an instrumentation, or None."""
    if component != f"{PACKAGE}/{RUNNER}":
        return f"a virtual phone runs no app but mobilebench's: {component}"
    if device.config.properties.get("ro.mobilebench.bionic"):
        return "a virtual phone with Android's C library runs no apps, because its JVM is this computer's"
    if _java() is None:
        return "a virtual phone runs the app's core on this computer's JVM, and there is no java here"
    if missing := [name for name in _JARS if not (_assets() / name).is_file()]:
        return f"a virtual phone runs the app's core on a JVM, and {missing[0]} is not built here (make app-core)"
    return None


def _java() -> str | None:
    return shutil.which("java", path=_JAVA_PATH)


def _assets() -> Path:
    return own_programs.PACKAGE / "assets" / "app"


def command(device: Device, app: App, job: str, context: str) -> list[str]:
    """The command that runs a job as a process of the app."""
    folder = f"{device.config.path(app_data.seen(app.package))}/files/jobs/{job}"
    runner = device.config.properties.get("ro.mobilebench.runner", "")
    return own_programs.own_program(
        "android.app_process",
        device.config.prefix or "/",
        app.package,
        job,
        context,
        _java() or "java",
        "-XX:-UsePerfData",
        f"-Djava.io.tmpdir={device.config.path(app_data.seen(app.package))}",
        f"-Djava.library.path={own_programs.PACKAGE / 'assets' / 'runners' / runner}",
        "-cp",
        ":".join(str(_assets() / name) for name in _JARS),
        _MAIN,
        f"{folder}/job.json",
        f"{folder}/answer.json",
    )


async def _run(device: Device, app: App, request: Request, reports: asyncio.Queue[str | None]) -> None:
    """Run a job to its end, and report it."""
    try:
        result = await _job(device, app, request, reports)
        for name, value in sorted(result.items()):
            reports.put_nowait(lines(f"INSTRUMENTATION_RESULT: {name}={value}"))
        reports.put_nowait(lines(f"INSTRUMENTATION_CODE: {-1 if 'exit' in result else 0}"))
    finally:
        reports.put_nowait(None)


async def _job(device: Device, app: App, request: Request, reports: asyncio.Queue[str | None]) -> dict[str, str]:
    """The results that the instrumentation ends with."""
    job, context = request.arguments.get("job", ""), request.arguments.get("context", "")
    in_front = context == FOREGROUND
    screen = device.state.screen
    if in_front and (not screen.on or screen.locked):
        words = "The app did not come to the foreground within 10 s: is the screen locked, or another app in front?"
        return {"exit": str(_FAILED), "error": words}
    argv, environment = command(device, app, job, context), app_data.environment(device.config, app.package)
    try:
        process = device.apps.start(app.package, app.user, _ACTIVITY if in_front else "", argv, environment)
    except OSError as error:
        return {"exit": str(_FAILED), "error": str(error)}
    if in_front:
        device.interface.at_home = False
        device.interface.close_overlays()
    started = f"Start proc {process.pid}:{app.package}/{app.user_name} for added application {app.package}"
    device.note("ActivityManager", started)
    result = await _followed(device, process, reports)
    if "exit" in result and "error" not in result:
        jvm = await jvm_version(_java() or "java")
        screen = device.state.screen
        visible = in_front and process.stayed and screen.on and not screen.locked
        facts = about(device, app, job, context, visible=visible, jvm=jvm)
        await _write(device, app, f"files/jobs/{job}/app.json", json.dumps(facts) + "\n")
    if "exit" in result:
        _note_end(device, process, FORCE_STOPPED)  # as Android does at the end of an instrumentation
    return result


async def _followed(device: Device, process: RunningApp, reports: asyncio.Queue[str | None]) -> dict[str, str]:
    """Report the stages of a running job; return its results."""
    not_run = ""
    try:
        async for line in process.lines():
            if stage := _STAGE.fullmatch(line):
                process.stage = stage[1]
                device.note("mobilebench", stage[1], buffer="main", pid=process.pid)
                reports.put_nowait(lines(f"INSTRUMENTATION_STATUS: stage={stage[1]}", "INSTRUMENTATION_STATUS_CODE: 0"))
            elif line.startswith(NOT_RUN):
                not_run = line.removeprefix(NOT_RUN)
            elif line.strip():
                device.note("System.out", line, buffer="main", pid=process.pid)
            process.has_begun = process.has_begun or not not_run
            device.apps.suffer(process)
        code = await process.end
    finally:
        device.apps.forget(process)
    ending = process.ending or (_ending(code) if code >= _SIGNALED else None)
    if ending is None:
        error = {"error": not_run} if not_run else {}
        return {"exit": str(code), **error}
    _note_end(device, process, ending)
    return {"shortMsg": ending.short, **({"longMsg": ending.long} if ending.long else {})}


def _ending(code: int) -> Ending:
    """How a process ended that nobody ended on purpose."""
    if code in {_SIGABRT, _SIGSEGV, _SIGBUS, _SIGILL, _SIGFPE}:
        return NATIVE_CRASH
    return KILLED if code > _SIGNALED else DIED


def _note_end(device: Device, process: RunningApp, ending: Ending) -> None:
    """Write the end of a process to the log and to the exit records."""
    name, pid = process.package, process.pid
    if ending.reason in {"4", "5"}:
        device.note("AndroidRuntime", "FATAL EXCEPTION: mobilebench-job", buffer="crash", level="E", pid=pid)
        device.note("AndroidRuntime", f"Process: {name}, PID: {pid}", buffer="crash", level="E", pid=pid)
    elif ending.reason == "3":
        device.note("lowmemorykiller", f"Kill '{name}' ({pid}), uid {process.user_name}", buffer="main")
    elif ending.reason == "6" or ending.long:
        device.note("ActivityManager", f"ANR in {name}", level="E")
    elif ending.reason == "10":
        device.note("ActivityManager", f"Force stopping {name} user=0: finished inst")
    if (ending.short and process.ending is not None) or ending.reason in {"2", "5", "13"}:
        text = f"Crash of app {name} running instrumentation ComponentInfo{{{PACKAGE}/{RUNNER}}}"
        device.note("ActivityManager", text, level="W")
    note_exit(device, name, ending.reason)


def about(device: Device, app: App, job: str, context: str, *, visible: bool, jvm: str) -> dict[str, object]:
    """The content of app.json."""
    return {
        **NOTHING_KNOWN,
        "schema": "mobilebench.app/1",
        "job": job,
        "apk_version": app.version_name,
        "context": context,
        "visible": visible,
        "sdk": device.api,
        "virtual": True,
        "jvm": jvm,
    }


_versions: dict[str, str] = {}


async def jvm_version(java: str) -> str:
    """Name and version of a JVM, such as `OpenJDK 17.0.15`; asked once."""
    if java not in _versions:
        _, told = await processes.run([java, "-XX:-UsePerfData", "-version"], {"PATH": _JAVA_PATH, "LANG": "C.UTF-8"})
        found = re.search(r'^(\w+) version "([^"\s]{1,40})"', told, re.MULTILINE)
        names = {"openjdk": "OpenJDK", "java": "Java"}
        _versions[java] = f"{names.get(found[1], found[1])} {found[2]}" if found else "unknown"
    return _versions[java]


async def _write(device: Device, app: App, name: str, text: str) -> None:
    """Write a file of the app, as the app."""
    argv = app_data.command(device.config, app.package, ["/bin/sh", "-c", 'cat > "$1"', "sh", name])
    try:
        code, told = await processes.run(argv, app_data.environment(device.config, app.package), text)
    except OSError as error:
        code, told = 1, str(error)
    if code != 0:
        device.note("mobilebench", f"{name} was not written: {told[:200]}", level="E")
