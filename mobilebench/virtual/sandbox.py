"""The sandbox of a virtual phone, which limits the parts of this computer that its processes see."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from mobilebench.core import paths
from mobilebench.virtual.config import METADATA
from mobilebench.virtual.own_programs import own_program, python

Namespaces = Literal["user", "root", "none"]
"""Who can create namespaces on this computer: any user, only root, or no one."""

SHELL_USER = "2000"
"""User id of Android's `shell`, as which adb runs commands."""
_CODE = "/apex/mobilebench"
_NO_SANDBOX = "MOBILEBENCH_VIRTUAL_SANDBOX"
"""Environment variable; `none` switches namespaces off."""

_APP_PROCESS = """#!{} -ISB
import sys
sys.path.insert(0, {code!r})
from mobilebench.virtual.automation import main
sys.exit(main({address!r}, {metadata!r}, sys.argv[1:]))
"""

_LOGCAT = """#!{} -ISB
import sys
sys.path.insert(0, {code!r})
from pathlib import Path
from mobilebench.virtual.android.logs import main
sys.exit(main(Path({log!r}), sys.argv[1:]))
"""

_RUN_AS = """#!{} -ISB
import sys
sys.path.insert(0, {code!r})
from pathlib import Path
from mobilebench.virtual.android.run_as import main
main(Path({root!r}), sys.argv[1:])
"""

_DATE = """#!/bin/sh
read -r ahead 2>/dev/null <{clock} || exec {date} "$@"
for word in "$@"; do
    case $word in -d|-d*|--date*|-r*|--reference*) exec {date} "$@" ;; esac
done
exec {date} -d "$ahead seconds" "$@"
"""
"""A `date` that is ahead by the seconds in a file."""

_TOYBOX = """#!/bin/sh
[ -x "${0%/*}/$1" ] || { echo "toybox: Unknown command $1" >&2; exit 127; }
exec "$@"
"""

TOOLS = (
    "awk", "base64", "basename", "cat", "chgrp", "chmod", "chown", "cksum", "cmp", "comm", "cp", "cut", "date", "dd",
    "df", "diff", "dirname", "du", "echo", "env", "expr", "false", "file", "find", "fold", "free", "getconf", "grep",
    "gzip", "head", "hostname", "id", "kill", "ln", "ls", "md5sum", "mkdir", "mkfifo", "mktemp", "more", "mv", "nice",
    "nl", "nohup", "nproc", "od", "paste", "pgrep", "pkill", "printenv", "printf", "pwd", "readlink",
    "realpath", "renice", "rm", "rmdir", "sed", "seq", "setsid", "sha1sum", "sha256sum", "sha512sum", "sleep", "sort",
    "split", "stat", "strings", "stty", "sync", "tail", "tar", "taskset", "tee", "test", "time", "timeout", "top",
    "touch", "tr", "true", "truncate", "tty", "uname", "uniq", "unlink", "uptime", "vmstat", "wc", "which", "who",
    "whoami", "xargs", "yes",
)  # fmt: skip
"""Programs that phones have too, taken from this computer."""


NO_DESCRIPTOR = -1


@dataclass(frozen=True)
class Descriptors:
    """What the daemon inherits."""

    listening: int
    """The listening socket for adb."""
    ready: int
    """The daemon writes one byte into it once it answers."""
    info: int
    """The pid of the sandbox's first process is written to it."""
    opener: int = NO_DESCRIPTOR
    """Leads to the process that opens ports outside."""
    owner: int = NO_DESCRIPTOR
    """Becomes readable when the process ends with which the phone is to end."""

    @property
    def inherited(self) -> tuple[int, ...]:
        all_of_them = (self.listening, self.ready, self.info, self.opener, self.owner)
        return tuple(one for one in all_of_them if one != NO_DESCRIPTOR)


@cache
def namespaces() -> Namespaces:
    """Which namespaces this computer allows; tested once."""
    bwrap = shutil.which("bwrap")
    if bwrap is None or os.environ.get(_NO_SANDBOX) == "none":
        return "none"
    attempts: tuple[Namespaces, ...] = ("user", "root") if os.geteuid() == 0 else ("user",)
    for kind in attempts:
        trial = [*_namespaces(bwrap, kind), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "/bin/true"]
        if subprocess.run(trial, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0:
            return kind
    return "none"


def daemon_command(
    phone: Path,
    kind: Namespaces,
    descriptors: Descriptors,
    *,
    browsers: Sequence[str],
    data_bytes: int | None,
    denied: Collection[str] = (),
    tree: Mapping[str, Path],
) -> list[str]:
    """Return the command that starts the daemon of the phone in this folder.

    Args:
        browsers: programs of this computer that are visible inside too.
        data_bytes: size of the phone's storage, if it is limited.
        denied: files that the phone's shell user may not read.
        tree: files and folders of Android's C library, by their place on the phone.
    """
    root = "/" if kind != "none" else str(phone)
    numbers = (descriptors.listening, descriptors.ready, descriptors.opener, descriptors.owner)
    daemon = own_program("daemon", root, *map(str, numbers), code=_code(kind))
    if kind == "none":
        return daemon
    bwrap = shutil.which("bwrap") or "bwrap"
    return [
        *_namespaces(bwrap, kind),
        "--info-fd",
        str(descriptors.info),
        *_mounts(phone, browsers, data_bytes),
        *(word for place, source in tree.items() for word in ("--ro-bind", str(source), place)),
        *_without_permission(phone, denied),
        *daemon,
    ]


def prepare(
    phone: Path, kind: Namespaces, address: str, client: str, commands: list[str], missing: Collection[str]
) -> None:
    """Fill the phone's `/system`: shell, own commands, and this computer's tools except the missing ones."""
    programs = phone / "system" / "bin"
    shutil.rmtree(phone / "system", ignore_errors=True)
    programs.mkdir(parents=True)
    (programs / "ask").write_text(client)
    (programs / "ask").chmod(0o755)
    for command in commands:
        (programs / command).symlink_to("ask")
    metadata = METADATA if kind != "none" else f"{phone}{METADATA}"
    app_process = _APP_PROCESS.format(python().binary, code=_code(kind), address=address, metadata=metadata)
    (programs / "app_process").write_text(app_process)
    (programs / "app_process").chmod(0o755)
    (programs / "toybox").write_text(_TOYBOX)
    (programs / "toybox").chmod(0o755)
    log = f"{metadata}/logcat"
    (programs / "logcat").write_text(_LOGCAT.format(python().binary, code=_code(kind), log=log))
    (programs / "logcat").chmod(0o755)
    root = "/" if kind != "none" else str(phone)
    (programs / "run-as").write_text(_RUN_AS.format(python().binary, code=_code(kind), root=root))
    (programs / "run-as").chmod(0o755)
    (programs / "sh").symlink_to(_host_program("sh") or "/usr/bin/sh")
    for tool in TOOLS:
        if tool not in missing and (program := _host_program(tool)) is not None:
            (programs / tool).symlink_to(program)
    if date := _host_program("date"):
        (programs / "date").unlink(missing_ok=True)
        (programs / "date").write_text(_DATE.format(date=date, clock=f"{metadata}/clock"))
        (programs / "date").chmod(0o755)
    etc = phone / "system" / "etc"
    etc.mkdir()
    (etc / "passwd").write_text(f"root:x:0:0::/:/system/bin/sh\nshell:x:{SHELL_USER}:{SHELL_USER}::/:/system/bin/sh\n")
    (etc / "group").write_text(f"root:x:0:\nshell:x:{SHELL_USER}:\n")


def _code(kind: Namespaces) -> str:
    """The folder from which the phone's own commands import this package."""
    return _CODE if kind != "none" else str(paths.PACKAGE.parent)


def _namespaces(bwrap: str, kind: Namespaces) -> list[str]:
    user = ["--unshare-user", "--uid", SHELL_USER, "--gid", SHELL_USER] if kind == "user" else []
    spaces = ["--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-ipc", "--hostname", "phone"]
    return [bwrap, *user, *spaces, "--new-session"]


def _mounts(phone: Path, browsers: Sequence[str], data_bytes: int | None) -> list[str]:
    arguments = ["--clearenv", "--setenv", "LANG", "C.UTF-8", "--ro-bind", "/usr", "/usr"]
    for folder in ("/lib", "/lib32", "/lib64", "/libx32"):
        arguments += _mirrored(Path(folder))
    for file in ("/etc", "/var/cache/fontconfig"):
        arguments += _mirrored(Path(file))
    for name in ("passwd", "group"):
        arguments += ["--ro-bind", str(phone / "system" / "etc" / name), f"/etc/{name}"]
    arguments += ["--dev", "/dev", "--proc", "/proc", "--symlink", "/system/bin", "/bin"]
    arguments += ["--bind", str(phone / "sys"), "/sys", "--ro-bind", str(phone / "system"), "/system"]
    if data_bytes is None:
        arguments += ["--bind", str(phone / "data"), "/data"]
    else:
        arguments += ["--size", str(data_bytes), "--tmpfs", "/data"]
        for folder in ("/data/app", "/data/data", "/data/local", "/data/local/tmp"):
            arguments += ["--dir", folder]
    arguments += ["--bind", str(phone / "sdcard"), "/sdcard"]
    metadata = phone / METADATA.removeprefix("/")
    arguments += ["--bind", str(metadata), METADATA]
    arguments += ["--ro-bind-try", str(metadata / "boot_id"), "/proc/sys/kernel/random/boot_id"]
    arguments += ["--ro-bind", str(paths.PACKAGE), f"{_CODE}/mobilebench"]
    for binary in (python().prefix, *(str(Path(browser).resolve().parent) for browser in browsers)):
        if not Path(binary).is_relative_to("/usr"):
            arguments += ["--ro-bind", binary, binary]
    return [*arguments, "--chdir", "/"]


def _without_permission(phone: Path, files: Collection[str]) -> list[str]:
    """Arguments that replace each of these files by one without permissions."""
    nothing = phone / METADATA.removeprefix("/") / "denied"
    if files:
        nothing.touch(mode=0o000)
    return [word for file in files for word in ("--ro-bind", str(nothing), file)]


def _mirrored(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.exists() else []


def _host_program(tool: str) -> str | None:
    """Path of a tool below /usr, because in the sandbox `/bin` is the phone's."""
    return next((f"{folder}/{tool}" for folder in ("/usr/bin", "/usr/sbin") if Path(folder, tool).exists()), None)
