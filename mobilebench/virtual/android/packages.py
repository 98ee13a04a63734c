"""The package manager: apps that are installed on the phone from APKs, and the rules by which one is refused.

The list lies on the phone's storage, as Android's does, and so survives a boot. The messages are those of
frameworks/base: `PackageManagerShellCommand`, `PackageManagerService`, `InstallPackageHelper`. Only the standard
library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import posixpath
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilebench.core import atomic_files
from mobilebench.virtual.android import app_data
from mobilebench.virtual.android.apk import Apk, Instrumentation, read
from mobilebench.virtual.config import PhoneConfig

_LIST = "/data/system/packages.json"
_FIRST_USER = 10200
"""User id of the first installed app; browsers have lower ones."""
SESSION = "/data/app/vmdl1000000001.tmp"
"""Where Android puts an APK before it is accepted, as its messages name it."""
TWO_FOLDERS_SINCE, RANDOM_NAME_SINCE = 30, 26
"""API levels from which an app lies in two folders with random names, or in one."""
_SIGNED_BY_BLOCK_SINCE = 30
"""API level from which apps that target it have to be signed by scheme 2 or later."""
_NO_CERTIFICATE_SENTENCE_SINCE = 28
_TEST_ONLY_SENTENCE_SINCE = 33
_DOWNGRADE_SENTENCE_SINCE = 30
_REPLACES_SINCE = 29
"""API level from which an app is replaced without `-r`."""


class NotInstalled(Exception):
    """Android refuses an app: its code, and its words after the code."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(f"{code}: {words}" if words else code)
        self.code = code


@dataclass(frozen=True)
class App:
    """An installed app."""

    package: str
    version_code: int
    version_name: str
    min_sdk: int
    target_sdk: int
    debuggable: bool
    test_only: bool
    signer: str
    abi: str
    """ABI of its libraries, or an empty text."""
    user: int
    file: str
    """Its APK, on the phone."""
    first_installed: str
    last_updated: str
    permissions: Mapping[str, bool]
    """The permissions that it asks for, and whether each is granted."""
    instrumentations: tuple[Instrumentation, ...]
    activities: tuple[str, ...]
    services: tuple[str, ...]

    @property
    def user_name(self) -> str:
        return f"u0_a{self.user - 10000}"


@dataclass(frozen=True)
class Options:
    """The options of `pm install` that change what is accepted."""

    replace: bool = False
    allow_test: bool = False
    allow_downgrade: bool = False
    grant: bool = False


RUNTIME_PERMISSIONS = {
    "android.permission.CAMERA": 24, "android.permission.RECORD_AUDIO": 24,
    "android.permission.ACCESS_FINE_LOCATION": 24, "android.permission.ACCESS_COARSE_LOCATION": 24,
    "android.permission.READ_EXTERNAL_STORAGE": 24, "android.permission.WRITE_EXTERNAL_STORAGE": 24,
    "android.permission.POST_NOTIFICATIONS": 33,
}  # fmt: skip
"""Permissions that the user grants, or `pm install -g`, by the API level from which they exist."""


def load(config: PhoneConfig) -> dict[str, App]:
    """The installed apps by package; none if the list cannot be read."""
    try:
        entries = json.loads(Path(config.path(_LIST)).read_text(encoding="utf-8"))
        return {entry["package"]: _app(entry) for entry in entries}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _app(entry: dict[str, Any]) -> App:
    instrumentations = tuple(Instrumentation(**one) for one in entry.pop("instrumentations"))
    activities, services = tuple(entry.pop("activities")), tuple(entry.pop("services"))
    return App(instrumentations=instrumentations, activities=activities, services=services, **entry)


def _store(config: PhoneConfig, apps: Mapping[str, App]) -> None:
    file = Path(config.path(_LIST))
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.write_text(file, json.dumps([dataclasses.asdict(app) for app in apps.values()], indent=1), alone=True)


def install(config: PhoneConfig, file: Path, options: Options, now: str, *, room: int | None = None) -> App:
    """Install an APK, or replace the installed app by it.

    Args:
        config: the phone's configuration.
        file: the APK, as this process sees it.
        options: what is accepted.
        now: the phone's time, for the list.
        room: bytes that the phone's storage still takes; None: what its file system says.

    Raises:
        BadApk: the file is not an APK.
        NotInstalled: Android refuses it.
        OSError: the file cannot be read.
    """
    apk = read(file)
    apps = load(config)
    before = apps.get(apk.package)
    _require_allowed(config, apk, before, options)
    abi = _abi(config, apk)
    data = file.read_bytes()
    free = room if room is not None else shutil.disk_usage(config.path("/data")).free
    if 2 * len(data) > free:  # Android has the session's copy beside the installed one
        raise NotInstalled("INSTALL_FAILED_INSUFFICIENT_STORAGE", "Failed to override installation location")
    place = _place(config, apk.package, hashlib.sha256(data + now.encode()).hexdigest())
    app = App(
        package=apk.package,
        version_code=apk.version_code,
        version_name=apk.version_name,
        min_sdk=apk.min_sdk,
        target_sdk=apk.target_sdk,
        debuggable=apk.debuggable,
        test_only=apk.test_only,
        signer=apk.signer or "",
        abi=abi,
        user=before.user if before else max([_FIRST_USER - 1, *(app.user for app in apps.values())]) + 1,
        file=place,
        first_installed=before.first_installed if before else now,
        last_updated=now,
        permissions=_granted(config, apk, before, grant=options.grant),
        instrumentations=apk.instrumentations,
        activities=apk.activities,
        services=apk.services,
    )
    try:
        target = Path(config.path(place))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o644)
        app_data.make(config, apk.package)
        _store(config, {**apps, apk.package: app})
    except OSError as error:
        _remove_file(config, place)
        if before is None:
            app_data.remove(config, apk.package)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotInstalled(
                "INSTALL_FAILED_INSUFFICIENT_STORAGE", "Failed to override installation location"
            ) from None
        raise
    if before is not None and before.file != place:
        _remove_file(config, before.file)
    return app


def uninstall(config: PhoneConfig, package: str, *, keep_data: bool = False) -> bool:
    """Remove an app with its files; whether it was installed."""
    apps = load(config)
    app = apps.pop(package, None)
    if app is None:
        return False
    _store(config, apps)
    _remove_file(config, app.file)
    if not keep_data:
        app_data.remove(config, package)
    return True


def _require_allowed(config: PhoneConfig, apk: Apk, before: App | None, options: Options) -> None:
    """Raises `NotInstalled`, by the first of Android's rules that the APK breaks."""
    session = f"{SESSION}/base.apk"
    if apk.min_sdk > config.api:
        words = f"Requires newer sdk version #{apk.min_sdk} (current version is #{config.api})"
        raise NotInstalled("INSTALL_FAILED_OLDER_SDK", f"Failed parse during installPackageLI: {words}")
    if apk.signer is None:
        raise NotInstalled("INSTALL_PARSE_FAILED_NO_CERTIFICATES", _no_certificate(config.api, apk, session))
    if apk.test_only and not options.allow_test:
        sentence = "Failed to install test-only apk. Did you forget to add -t?"
        words = sentence if config.api >= _TEST_ONLY_SENTENCE_SINCE else "installPackageLI"
        raise NotInstalled("INSTALL_FAILED_TEST_ONLY", words)
    if before is None:
        return
    if not options.replace and config.api < _REPLACES_SINCE:
        raise NotInstalled(
            "INSTALL_FAILED_ALREADY_EXISTS", f"Attempt to re-install {apk.package} without first uninstalling."
        )
    if before.signer != apk.signer:
        raise NotInstalled(
            "INSTALL_FAILED_UPDATE_INCOMPATIBLE",
            f"Package {apk.package} signatures do not match previously installed version; ignoring!",
        )
    if apk.version_code < before.version_code and not (options.allow_downgrade and before.debuggable):
        words = (
            f"Downgrade detected: Update version code {apk.version_code} is older than current {before.version_code}"
        )
        raise NotInstalled("INSTALL_FAILED_VERSION_DOWNGRADE", words if config.api >= _DOWNGRADE_SENTENCE_SINCE else "")


def _no_certificate(api: int, apk: Apk, session: str) -> str:
    if apk.signed_by_jar and api >= _SIGNED_BY_BLOCK_SINCE:
        return f"No signature found in package of version 2 or newer for package {apk.package}"
    if api < _NO_CERTIFICATE_SENTENCE_SINCE:
        return f"Package {session} has no certificates at entry AndroidManifest.xml"
    return f"Failed to collect certificates from {session}: Attempt to get length of null array"


def _abi(config: PhoneConfig, apk: Apk) -> str:
    """The first of the phone's ABIs for which the APK has libraries; empty if it has none. Raises `NotInstalled`."""
    wanted = config.properties.get("ro.product.cpu.abilist", "").split(",")
    for abi in wanted:
        if abi in apk.abis:
            return abi
    if apk.abis:
        raise NotInstalled("INSTALL_FAILED_NO_MATCHING_ABIS", "Failed to extract native libraries, res=-113")
    return ""


def _granted(config: PhoneConfig, apk: Apk, before: App | None, *, grant: bool) -> dict[str, bool]:
    earlier = before.permissions if before else {}
    found = {}
    for name in apk.permissions:
        since = RUNTIME_PERMISSIONS.get(name)
        asked = since is not None and since <= config.api
        found[name] = not asked or grant or earlier.get(name, False)
    return found


def _place(config: PhoneConfig, package: str, digest: str) -> str:
    """Path of an APK, with the folders that this Android makes for it."""
    first, second = digest[:22], digest[22:44]
    if config.api >= TWO_FOLDERS_SINCE:
        return f"/data/app/~~{first}==/{package}-{second}==/base.apk"
    if config.api >= RANDOM_NAME_SINCE:
        return f"/data/app/{package}-{first}==/base.apk"
    number = 2 if Path(config.path(f"/data/app/{package}-1")).exists() else 1
    return f"/data/app/{package}-{number}/base.apk"


def _remove_file(config: PhoneConfig, place: str) -> None:
    """Remove an APK with the folders that were made for it."""
    apps = Path(config.path("/data/app"))
    file = Path(config.path(place))
    if file.is_relative_to(apps) and ".." not in file.parts:
        shutil.rmtree(apps / file.relative_to(apps).parts[0], ignore_errors=True)


def instrumentation(apps: Mapping[str, App], component: str) -> tuple[App, Instrumentation] | None:
    """The app and its declaration of `package/full.name`, or None."""
    package, _, name = component.partition("/")
    app = apps.get(package)
    found = next((one for one in app.instrumentations if one.name == name), None) if app else None
    return (app, found) if app and found else None


def report(app: App) -> list[str]:
    """The lines of `dumpsys package` for an installed app; of the signer there is the start of its digest."""
    flags = ["DEBUGGABLE"] * app.debuggable + ["HAS_CODE", "ALLOW_CLEAR_USER_DATA"] + ["TEST_ONLY"] * app.test_only
    shown = f"[ {' '.join(flags)} ]"
    digest = app.signer
    granted = [f"      {name}: granted={_word(is_granted)}" for name, is_granted in app.permissions.items()]
    return [
        "Packages:",
        f"  Package [{app.package}] ({digest[:7] or '0'}):",
        f"    userId={app.user}",
        f"    codePath={posixpath.dirname(app.file)}",
        f"    primaryCpuAbi={app.abi or 'null'}",
        f"    versionCode={app.version_code} minSdk={app.min_sdk} targetSdk={app.target_sdk}",
        f"    versionName={app.version_name or 'null'}",
        f"    flags={shown}",
        f"    pkgFlags={shown}",
        f"    dataDir=/data/user/0/{app.package}",
        f"    signatures=PackageSignatures{{{digest[:7]} version:3, signatures:[{digest[:8]}], past signatures:[]}}",
        f"    firstInstallTime={app.first_installed}",
        f"    lastUpdateTime={app.last_updated}",
        "    requested permissions:",
        *(f"      {name}" for name in app.permissions),
        "    install permissions:",
        *(line for line, name in zip(granted, app.permissions, strict=True) if name not in RUNTIME_PERMISSIONS),
        "    User 0: ceDataInode=1 installed=true hidden=false suspended=false stopped=false enabled=0",
        "      runtime permissions:",
        *(f"  {line}" for line, name in zip(granted, app.permissions, strict=True) if name in RUNTIME_PERMISSIONS),
    ]


def _word(value: bool) -> str:
    return "true" if value else "false"


def parse_options(words: Sequence[str]) -> tuple[Options, list[str], str | None]:
    """Options, paths and the unknown option of the words after `install`."""
    options, paths = Options(), list[str]()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in _FLAGS:
            options = dataclasses.replace(options, **{_FLAGS[word]: True})
        elif word in {"-i", "-p", "-S", "--user", "--abi", "--install-location", "--originating-uri", "--referrer"}:
            del rest[:1]
        elif word.startswith("-") and word not in {"-", "-f", "-s", "-R", "--full", "--dont-kill"}:
            return options, paths, word
        elif not word.startswith("-"):
            paths.append(word)
    return options, paths, None


_FLAGS = {"-r": "replace", "-t": "allow_test", "-d": "allow_downgrade", "-g": "grant"}
