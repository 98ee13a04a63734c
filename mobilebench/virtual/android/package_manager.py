"""`pm` and `cmd package`: list, install and remove apps."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mobilebench.virtual.android import app_data, packages
from mobilebench.virtual.android.apk import BadApk
from mobilebench.virtual.android.apps import end_app
from mobilebench.virtual.android.device import SYSTEM_PACKAGES, CommandOutput, Device, lines
from mobilebench.virtual.android.intents import COMMAND_IS_NAMED_SINCE
from mobilebench.virtual.android.packages import App, NotInstalled

SERVICE = "installer"
"""Entry of the state's `services` that refuses to install."""
REFUSALS = {
    "restricted": ("INSTALL_FAILED_USER_RESTRICTED", "Install canceled by user"),
    "full": ("INSTALL_FAILED_INSUFFICIENT_STORAGE", "Failed to override installation location"),
    "unverified": ("INSTALL_FAILED_VERIFICATION_FAILURE", "Install not allowed"),
}
"""What Android answers, by how the installer fails."""
_VERIFIES = "verifier_verify_adb_installs"
"""Setting that switches the verifier off for apps that adb installs."""
PARSE_SAYS_WHY_SINCE = 30
"""API level from which an APK that cannot be parsed is refused with the reason."""
PARSE_THROWS_SINCE = 28
"""API level from which that is an exception."""


async def pm(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Run one command of the package manager."""
    match _without_user(arguments):
        case ["list", "packages" | "package", *rest]:
            return _list(device, rest)
        case ["list", "instrumentation", *rest]:
            return _list_instrumentations(device, rest)
        case ["path", *_, package]:
            return _path(device, package)
        case ["clear", *_, package]:
            return await _clear(device, package)
        case ["install", *words]:
            return await _install(device, words)
        case ["install-create", *_]:
            return CommandOutput("Failure [INSTALL_FAILED_INTERNAL_ERROR: a virtual phone has no sessions]\n", code=1)
        case ["uninstall", *words]:
            return await _uninstall(device, words)
    return CommandOutput(stderr=f"Unknown command: {' '.join(arguments[:1])}\n", code=255)


def _without_user(arguments: Sequence[str]) -> list[str]:
    words = list(arguments)
    while "--user" in words[:-1]:
        at = words.index("--user")
        del words[at : at + 2]
    return words


def _list(device: Device, words: Sequence[str]) -> CommandOutput:
    part = next((word for word in words if not word.startswith("-")), "")
    apps = packages.load(device.config)
    given = [*SYSTEM_PACKAGES, *device.browsers]
    shown = [*(given if "-3" not in words else []), *(apps if "-s" not in words else [])]
    found = [name for name in shown if part in name]

    def line(name: str) -> str:
        app = apps.get(name)
        file = f"{_file(app, name)}=" if "-f" in words else ""
        version = f" versionCode:{app.version_code if app else 1}" if "--show-versioncode" in words else ""
        user = f" uid:{app.user if app else 1000 if name in SYSTEM_PACKAGES else 10120}" if "-U" in words else ""
        return f"package:{file}{name}{version}{user}"

    return CommandOutput(lines(*map(line, found)))


def _file(app: App | None, package: str) -> str:
    return app.file if app else f"/product/app/{package}/base.apk"


def _list_instrumentations(device: Device, words: Sequence[str]) -> CommandOutput:
    target = next((word for word in words if not word.startswith("-")), None)
    found = [
        f"instrumentation:{app.package}/{_short(app.package, one.name)} (target={one.target})"
        for app in packages.load(device.config).values()
        for one in app.instrumentations
        if target in (None, one.target)
    ]
    return CommandOutput(lines(*found))


def _short(package: str, name: str) -> str:
    return name.removeprefix(package) if name.startswith(f"{package}.") else name


def _path(device: Device, package: str) -> CommandOutput:
    app = packages.load(device.config).get(package)
    if app is None and package not in device.packages:
        return CommandOutput(code=1)
    return CommandOutput(f"package:{_file(app, package)}\n")


async def _clear(device: Device, package: str) -> CommandOutput:
    if package in packages.load(device.config):
        await end_app(device, package)
        app_data.remove(device.config, package)
        app_data.make(device.config, package)
    elif package in device.browsers:
        await end_app(device, package)
        shutil.rmtree(device.config.path(f"/data/data/{package}"), ignore_errors=True)
    else:
        return CommandOutput("Failed\n", code=1)
    return CommandOutput("Success\n")


async def _install(device: Device, words: Sequence[str]) -> CommandOutput:
    options, paths, unknown = packages.parse_options(words)
    if unknown is not None:
        return _thrown(device, f"java.lang.IllegalArgumentException: Unknown option {unknown}")
    if not paths:
        return CommandOutput("Error: must either specify a package size or an APK file\n", code=1)
    path = paths[0]
    streamed = "-S" in words  # by the client's standard input
    file = Path(path) if streamed else Path(device.config.path(path))
    if not file.is_file() or not path.startswith("/"):
        text = f"Error: Can't open file: {path}"
        opening = lines(f"Error: Unable to open file: {path}", "Consider using a file under /data/local/tmp/", text)
        return _thrown(device, f"java.lang.IllegalArgumentException: {text}", told=opening)
    now = datetime.fromtimestamp(time.time() + device.state.clock_ahead_s, UTC)
    try:
        if (refusal := _refusal(device)) is not None:
            raise refusal
        app = packages.install(device.config, file, options, f"{now:%Y-%m-%d %H:%M:%S}", room=_room(device))
    except BadApk as error:
        if streamed:
            return CommandOutput(f"Failure [{error.code}: Failed to parse {packages.SESSION}/base.apk]\n", code=1)
        return _not_parsed(device, path, error)
    except NotInstalled as error:
        device.note("PackageManager", f"Failed to install {path}: {error}", level="W")
        return CommandOutput(f"Failure [{error}]\n", code=1)
    except OSError as error:
        return CommandOutput(f"Failure [INSTALL_FAILED_INTERNAL_ERROR: {error.strerror}]\n", code=1)
    await end_app(device, app.package)
    device.note("PackageManager", f"Package {app.package} codePath is {app.file}")
    return CommandOutput("Success\n")


def _refusal(device: Device) -> NotInstalled | None:
    """What a phone answers that installs nothing, whatever is in the APK."""
    how = device.state.services.get(SERVICE)
    if how not in REFUSALS or (how == "unverified" and device.state.settings.global_.get(_VERIFIES) == "0"):
        return None
    return NotInstalled(*REFUSALS[how])


def _room(device: Device) -> int | None:
    """Bytes that the storage still takes where nothing else limits it, or None."""
    config = device.config
    if config.data_bytes is None or not config.prefix:
        return None
    used = sum(file.lstat().st_size for file in Path(config.path("/data")).rglob("*") if file.is_file())
    return config.data_bytes - used


def _not_parsed(device: Device, path: str, error: BadApk) -> CommandOutput:
    """Which APKs cannot be parsed is seen before anything is installed; Android's versions say it differently."""
    device.note("PackageManager", f"{error.code}: {path}: {error}", level="W")
    text = f"Error: Failed to parse APK file: {path}"
    if device.api < PARSE_THROWS_SINCE:
        exception = f"android.content.pm.PackageParser$PackageParserException: Failed to parse {path}"
        return CommandOutput(stderr=lines(f"Error: Failed to parse APK file: {exception}"), code=1)
    why = f": Failed to parse {path}" if device.api >= PARSE_SAYS_WHY_SINCE else ""
    return _thrown(device, f"java.lang.IllegalArgumentException: {text}{why}", told=lines(text))


def _thrown(device: Device, exception: str, told: str = "") -> CommandOutput:
    head = "\nException occurred while executing 'install':" if device.api >= COMMAND_IS_NAMED_SINCE else ""
    head = head or "\nException occurred while executing:"
    return CommandOutput(stderr=told + lines(head, exception), code=255)


async def _uninstall(device: Device, words: Sequence[str]) -> CommandOutput:
    names = [word for word in words if not word.startswith("-")]
    if not names:
        return CommandOutput(stderr="Error: package name not specified\n", code=1)
    if names[0] in packages.load(device.config):
        await end_app(device, names[0])
        packages.uninstall(device.config, names[0], keep_data="-k" in words)
        device.note("PackageManager", f"Package {names[0]} was removed")
        return CommandOutput("Success\n")
    return CommandOutput("Failure [DELETE_FAILED_INTERNAL_ERROR]\n", code=1)
