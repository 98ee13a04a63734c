"""Switch virtual phones on and off (`up`, `list_phones`, `down`), and change their state."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilebench.core.errors import BadInput, TargetLost
from mobilebench.profiles import Profile, load
from mobilebench.virtual import (
    adb,
    bionic,
    browsers,
    config,
    control,
    device_identity,
    own_programs,
    owner,
    phone_records,
    processes,
    sandbox,
)
from mobilebench.virtual.android import abilities, commands
from mobilebench.virtual.android.commands import COMMANDS
from mobilebench.virtual.bionic import BionicTree
from mobilebench.virtual.config import PhoneConfig
from mobilebench.virtual.files import PhoneFiles, copy_real_cores
from mobilebench.virtual.phone_records import Record, VirtualPhone
from mobilebench.virtual.processes import ProcessId
from mobilebench.virtual.state import BadState, State, from_json, with_value

DEFAULT_PROFILES = ("snapdragon-8-gen-2", "tensor-g3", "dimensity-9300", "exynos-2400", "snapdragon-855", "kirin-990")
"""Profiles used in turn for phones started without a named profile."""

NO_BIONIC = "none"
"""In place of a folder with Android's C library: a phone that has none from now on."""
_PORTS = range(16500, 17500)
"""Ports of phones, outside 5555–5585, where adb looks for emulators by itself."""
_MOST = 200
_SAFE_FOLDER = re.compile(r"[\w./+-]+")
_MEBIBYTE = 1 << 20
_STARTS_WITHIN_S = 20.0


def up(
    count: int = 1,
    profile_ids: Sequence[str] | None = None,
    *,
    names: Sequence[str] | None = None,
    wipe: bool = False,
    chrome: bool = True,
    data_mb: int | None = None,
    fault: str | None = None,
    android: int | None = None,
    bionic_folder: str | Path | None = None,
) -> list[VirtualPhone]:
    """Switch phones on, and wait until adb lists them.

    Running phones stay as they are. Pushed files are still there when a phone is switched on again. A phone runs until
    it is switched off, or until its owner ends, if it has one (`virtual.owner`).

    Args:
        count: number of phones, if `names` is not given.
        profile_ids: profiles of the phones, used in turn; different chips by default.
        names: their names; `phone-1`, `phone-2` … by default.
        wipe: delete everything stored on the phones.
        chrome: False starts the phones without a browser.
        data_mb: size of a phone's storage in MiB; it is then lost when the phone is switched off.
        fault: `offline` or `unauthorized`: the state that the phones simulate towards adb.
        android: Android version that replaces the profile's; a phone keeps it.
        bionic_folder: Android's `system` folder, on which the phones run programs built for Android; a phone keeps it.
            `none`: they run programs built for this computer, as they do without one.

    Raises:
        BadInput: unknown profile or Android version, invalid name or number, or a folder that is not Android's.
        TargetLost: a phone did not start, or adb cannot connect to it.
    """
    requested = _names(count, names)
    if android is not None and android not in device_identity.LEVELS:
        oldest, newest = min(device_identity.LEVELS), max(device_identity.LEVELS)
        raise BadInput(
            f"There are no virtual phones of Android {android}.", hint=f"Choose a version from {oldest} to {newest}."
        )
    chosen = [load(profile_id) for profile_id in profile_ids or ()]
    tree = None if bionic_folder in {None, NO_BIONIC} else str(bionic.find(Path(str(bionic_folder)).resolve()).folder)
    started = []
    with phone_records.exclusively():
        for index, name in enumerate(requested):
            profile = chosen[index % len(chosen)] if chosen else None
            earlier = phone_records.read(name)
            options = _StartOptions(
                wipe,
                chrome,
                data_mb,
                fault,
                android or (earlier.android if earlier else None),
                tree or (earlier.bionic if earlier and bionic_folder is None else None),
            )
            started.append(_switch_on(name, index, profile, earlier, options))
        for record in started:
            if adb.state(record.serial) != (fault or "device"):
                adb.connect(record.serial, expect=fault or "device")
    return [record.phone for record in started]


def list_phones() -> list[VirtualPhone]:
    """Return all virtual phones of this computer, running or not."""
    return [record.phone for record in phone_records.records()]


def down(names: Sequence[str] | None = None, *, tell_adb: bool = True) -> list[VirtualPhone]:
    """Switch phones off (all by default): end their processes, disconnect them from adb, and keep their files.

    Args:
        names: which phones.
        tell_adb: False if there is no adb server to disconnect them from.

    Returns:
        The phones that were running.

    Raises:
        BadInput: there is no phone of this name.
    """
    with phone_records.exclusively():
        records = phone_records.records() if names is None else [phone_records.existing(name) for name in names]
        running = [record for record in records if record.running]
        for record in running:
            if tell_adb:
                adb.disconnect(record.serial)
            _end_processes(record)
    return [dataclasses.replace(record.phone, pid=None, running=False) for record in running]


def change_state(name: str, changes: Mapping[str, Any]) -> State:
    """Change a phone's state, such as `{"battery.level": 15, "thermal.cpu": 71.5}`.

    A changed `fault` takes effect at once, because adb is made to reconnect.

    Raises:
        BadInput: unknown phone or field, or an invalid value.
    """
    record = phone_records.existing(name)

    def edit(state: State) -> State:
        for field, value in changes.items():
            state = with_value(state, field, value)
        return state

    before = PhoneFiles(phone_records.folder(name)).state.fault
    try:
        state = _asked(name, {"do": "change", "changes": dict(changes)}) or PhoneFiles(
            phone_records.folder(name)
        ).change(edit)
    except BadState as error:
        raise BadInput(
            f"The state of {name} was not changed: {error}.", hint="docs/virtual.md lists the fields."
        ) from None
    if "fault" in changes and record.running:
        _show_fault(record, before, state.fault)
    return state


def _show_fault(record: Record, before: str | None, now: str | None) -> None:
    """Make adb see a phone's fault, or its end."""
    if before == "unauthorized" and now is None and adb.state(record.serial) == "unauthorized":
        adb.wait_for(record.serial, "device")
    else:
        adb.connect(record.serial, expect=now or "device")


def state_of(name: str) -> State:
    """The phone's present state. Raises `BadInput` if there is no phone of this name."""
    phone_records.existing(name)
    return _asked(name, {"do": "state"}) or PhoneFiles(phone_records.folder(name)).state


def metadata(name: str) -> Path:
    """The folder of a phone's metadata on this computer. Raises `BadInput` if there is no phone of this name."""
    phone_records.existing(name)
    return PhoneFiles(phone_records.folder(name)).metadata


def name_of(word: str) -> str:
    """The name of the phone with this name or serial; the word itself if there is none."""
    return phone_records.name_of(word)


def serial_of(name: str) -> str:
    """The serial under which adb lists a phone. Raises `BadInput` if there is no phone of this name."""
    return phone_records.existing(name).serial


def _asked(name: str, request: Mapping[str, Any]) -> State | None:
    """Ask the running phone; None if it does not run. Raises `BadState`."""
    try:
        answer = control.ask(PhoneFiles(phone_records.folder(name)).metadata, request)
    except control.NoAnswer:
        return None
    if "error" in answer:
        raise BadState(answer["error"])
    return from_json(answer["state"])


def parse_changes(words: Sequence[str]) -> dict[str, Any]:
    """Parse words such as `battery.level=15`; values may be numbers, true, false, null or text.

    Raises:
        BadInput: a word has no `=`.
    """
    changes: dict[str, Any] = {}
    for word in words:
        field, equals, text = word.partition("=")
        if not equals or not field:
            raise BadInput(f"“{word}” is not a change of a field.", hint="Write FIELD=VALUE, such as battery.level=15.")
        is_text = field.startswith(("settings.", "properties.", "services."))
        try:
            changes[field] = text if is_text and text != "null" else json.loads(text)
        except ValueError:
            changes[field] = text
    return changes


# One phone


@dataclass(frozen=True)
class _StartOptions:
    """How a phone is switched on; see `up`."""

    wipe: bool
    chrome: bool
    data_mb: int | None
    fault: str | None
    android: int | None
    bionic: str | None


def _switch_on(
    name: str, index: int, profile: Profile | None, earlier: Record | None, options: _StartOptions
) -> Record:
    if earlier is not None and earlier.running:
        _refuse_other_options(earlier, profile, options)
        if options.fault is not None:
            change_state(name, {"fault": options.fault})
        return earlier
    if profile is None:
        profile = load(earlier.profile if earlier else DEFAULT_PROFILES[index % len(DEFAULT_PROFILES)])
    folder = phone_records.folder(name)
    if options.wipe:
        shutil.rmtree(folder, ignore_errors=True)
    listener = _listener(folder, earlier.port if earlier else None)
    with listener:
        number = earlier.number if earlier else _free_number()
        port = listener.getsockname()[1]
        record = Record(name, profile.id, port, number, android=options.android, bionic=options.bionic)
        kind = sandbox.namespaces()
        tree = _tree(record, kind)
        data_bytes = options.data_mb * _MEBIBYTE if options.data_mb else None
        settings = _settings(record, profile, folder, kind, data_bytes, tree)
        _write_files(folder, settings, kind, tree, chrome=options.chrome, fault=options.fault)
        return _start(record, folder, settings, kind, tree, listener)


def _tree(record: Record, kind: sandbox.Namespaces) -> BionicTree | None:
    """The tree on which the phone runs programs built for Android, or None."""
    if record.bionic is None:
        return None
    if kind == "none":
        raise BadInput(
            "A virtual phone without a sandbox cannot have Android's C library, because its /system is not mounted.",
            hint="Install bubblewrap, or start it without --bionic (a phone keeps it until --bionic none).",
        )
    try:
        return bionic.find(Path(record.bionic))
    except BadInput as error:
        raise BadInput(
            f"The virtual phone {record.name} keeps its tree, which cannot be used any more: {error.message}",
            hint="Give another one (--bionic DIR), or none (--bionic none).",
        ) from None


def _refuse_other_options(running_phone: Record, profile: Profile | None, options: _StartOptions) -> None:
    """Raise `BadInput` if a running phone was requested with another profile or Android."""
    running = f"The virtual phone {running_phone.name} is running as"
    hint = f"Switch it off first: mobilebench virtual down {running_phone.name}"
    if profile is not None and profile.id != running_phone.profile:
        raise BadInput(f"{running} {running_phone.profile}, not as {profile.id}.", hint=hint)
    if options.android != running_phone.android:
        its_android = f"Android {running_phone.android}" if running_phone.android else "its profile's Android"
        raise BadInput(f"{running} {its_android}, not as Android {options.android}.", hint=hint)
    if options.bionic != running_phone.bionic:
        has = f"on {running_phone.bionic}" if running_phone.bionic else "without Android's C library"
        raise BadInput(f"The virtual phone {running_phone.name} is running {has}.", hint=hint)


def _settings(
    record: Record,
    profile: Profile,
    folder: Path,
    kind: sandbox.Namespaces,
    data_bytes: int | None,
    tree: BionicTree | None,
) -> PhoneConfig:
    own_network = kind != "none"
    if not own_network and not _SAFE_FOLDER.fullmatch(str(folder)):
        raise BadInput(
            f"Without namespaces a virtual phone cannot be kept in {folder}: "
            "the path may hold only letters, digits and ./+-_.",
            hint="Set MOBILEBENCH_HOME to a folder with such a path.",
        )
    of_its_own = f"127.77.{record.number}.1"
    mark = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return PhoneConfig(
        name=record.name,
        properties=device_identity.properties(profile, record.name, record.android, tree.name if tree else None),
        clusters=device_identity.clusters(profile),
        gpu=profile.gpu.name,
        chromium=browsers.host_chromium(),
        firefox=browsers.host_firefox() if own_network else None,
        address="127.0.0.1" if own_network else of_its_own,
        wlan_address=of_its_own,
        prefix="" if own_network else str(folder),
        abstract_prefix="" if own_network else f"mobilebench-{mark}-",
        data_bytes=data_bytes,
    )


def _write_files(
    folder: Path,
    settings: PhoneConfig,
    kind: sandbox.Namespaces,
    tree: BionicTree | None,
    *,
    chrome: bool,
    fault: str | None,
) -> None:
    """Write all files that the phone needs when it starts."""
    for name in ("data/app", "data/data", "data/local/tmp", "sdcard", "sys", config.METADATA.removeprefix("/")):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files = PhoneFiles(folder)
    config.write(settings, files.metadata)
    (files.metadata / "boot_id").touch()
    client = commands.client_program(
        own_programs.python().binary, settings.abstract_prefix, settings.path("/data/local/tmp")
    )
    sandbox.prepare(folder, kind, settings.address, client, list(COMMANDS), abilities.missing_programs(settings.api))
    if tree is not None:
        tree.prepare(folder)
    copy_real_cores(folder / "sys")
    files.change(lambda state: dataclasses.replace(state, chrome_installed=chrome, fault=fault))


def _start(
    record: Record,
    folder: Path,
    settings: PhoneConfig,
    kind: sandbox.Namespaces,
    tree: BionicTree | None,
    listener: socket.socket,
) -> Record:
    browsers = [program.binary for program in (settings.chromium, settings.firefox) if program]
    owned = owner.descriptor()
    info_read, info_write = os.pipe()
    ready_read, ready_write = os.pipe()
    opener = _port_opener(settings.wlan_address) if kind != "none" else None
    descriptors = sandbox.Descriptors(
        listener.fileno(),
        ready_write,
        info_write,
        opener.fileno() if opener else sandbox.NO_DESCRIPTOR,
        sandbox.NO_DESCRIPTOR if owned is None else owned,
    )
    command = sandbox.daemon_command(
        folder,
        kind,
        descriptors,
        browsers=browsers,
        data_bytes=settings.data_bytes,
        denied=abilities.denied_files(settings.api),
        tree=tree.mounts(folder) if tree else {},
    )
    with (folder / "daemon.log").open("wb") as log, open(info_read, "rb") as info, open(ready_read, "rb") as ready:  # noqa: PTH123
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=descriptors.inherited,
            cwd="/",
            start_new_session=True,
        )
        process.returncode = 0  # Popen must not wait for it: it outlives this command on purpose
        os.close(info_write)
        os.close(ready_write)
        if opener is not None:
            opener.close()
        if owned is not None:
            os.close(owned)
        inner = _inner_process(info.read()) if kind != "none" else None
        outer = processes.identify(process.pid)
        record = dataclasses.replace(record, namespaces=kind, processes=tuple(filter(None, (outer, inner))))
        phone_records.write(record)
        if select.select([ready], [], [], _STARTS_WITHIN_S)[0] and ready.read(1):
            return record
    _end_processes(record)
    lines = (folder / "daemon.log").read_text(errors="replace").strip().splitlines()
    raise TargetLost(
        f"The virtual phone {record.name} did not start: {lines[-1] if lines else 'its log is empty'}.",
        hint=f"See {folder / 'daemon.log'}.",
    )


def _port_opener(address: str) -> socket.socket:
    """Start the process that opens ports for `adb tcpip`, which ends with the phone; return the phone's way to it."""
    phone, outside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with outside:
        subprocess.run(
            own_programs.own_program("port_opener", str(outside.fileno()), address),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(outside.fileno(),),
            cwd="/",
            start_new_session=True,
            check=True,
        )
    return phone


def _inner_process(text: bytes) -> ProcessId | None:
    with contextlib.suppress(ValueError, KeyError):
        return processes.identify(json.loads(text)["child-pid"])
    return None


def _end_processes(record: Record) -> None:
    """End a phone's processes: killing a sandbox's first process ends all inside; else the daemon cleans up."""
    for process in reversed(record.processes):
        processes.end(process, patience_s=0.0 if record.namespaces != "none" else 5.0)
    phone_records.write(dataclasses.replace(record, processes=()))


# Names, ports and records


def _names(count: int, names: Sequence[str] | None) -> list[str]:
    requested = list(names) if names else [f"phone-{index}" for index in range(1, count + 1)]
    if not 1 <= len(requested) <= _MOST:
        raise BadInput(f"{len(requested)} virtual phones cannot be switched on.", hint=f"Ask for 1 to {_MOST}.")
    for name in requested:
        if not phone_records.is_name(name):
            raise BadInput(f"“{name}” cannot be a virtual phone's name.", hint="Use a-z, 0-9 and -.")
    if len(set(requested)) < len(requested):
        raise BadInput("Two virtual phones cannot have the same name.", hint="Give each phone its own name.")
    return requested


def ports_of(folder: Path) -> list[int]:
    """The ports for the phone in this folder, in the order in which they are tried.

    In a home that `MOBILEBENCH_HOME` names, each phone begins at a place of its own. Otherwise phones of several homes
    would take each other's ports whenever one is switched off for a moment, and it would come back with another serial.
    """
    first = 0
    if os.environ.get("MOBILEBENCH_HOME"):
        first = int(hashlib.sha256(os.fsencode(folder)).hexdigest(), 16) % len(_PORTS)
    return [*_PORTS[first:], *_PORTS[:first]]


def _listener(folder: Path, remembered: int | None) -> socket.socket:
    """Open a listening socket on the phone's earlier port, or on a free one."""
    used = {record.port for record in phone_records.records()}
    free = (port for port in ports_of(folder) if port not in used)
    for port in [*([remembered] if remembered else []), *free]:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(64)
        except OSError:
            listener.close()
            continue
        return listener
    raise BadInput(
        "No port is free for a virtual phone.",
        hint=f"End a program that uses a port from {_PORTS.start} to {_PORTS.stop - 1}.",
    )


def _free_number() -> int:
    used = {record.number for record in phone_records.records()}
    return next(number for number in range(1, 255) if number not in used)
