"""The folders of installed apps, which the phone's shell cannot read, and the way into them.

In a sandbox an app's files lie where no one may look, and `/data/data/PACKAGE` is closed. A process of the app has
namespaces of its own, in which the files are mounted there; as on a phone it has no further rights. Without a sandbox
the files lie in `/data/data/PACKAGE` itself. Only the standard library is imported here: this also runs inside the
phone.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from mobilebench.virtual import own_programs
from mobilebench.virtual.config import PhoneConfig

_CLOSED = "/data/.apps"
"""Folder of the apps' files in a sandbox."""
_NEW_USER, _NEW_MOUNTS, _BIND = 0x10000000, 0x00020000, 0x1000


@cache
def _has_namespaces() -> bool:
    """Whether a process of the phone may have namespaces of its own."""
    trial = ["/usr/bin/unshare", "--user", "--mount", "true"]
    if not Path(trial[0]).exists():
        return False
    return subprocess.run(trial, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def seen(package: str) -> str:
    """The folder in which an app sees its files."""
    return f"/data/data/{package}"


def is_closed(config: PhoneConfig) -> bool:
    """Whether the files of apps lie where the shell cannot read them."""
    return not config.prefix and _has_namespaces()


def make(config: PhoneConfig, package: str) -> None:
    """Make an app's folder; one that is there stays. Raises `OSError`."""
    if is_closed(config):
        closed = Path(_CLOSED)
        closed.mkdir(mode=0o700, parents=True, exist_ok=True)
        closed.chmod(0o700)
        (closed / package).mkdir(mode=0o700, exist_ok=True)
        closed.chmod(0)
        place = Path(seen(package))
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.chmod(0)
    else:
        Path(config.path(seen(package))).mkdir(mode=0o700, parents=True, exist_ok=True)


def remove(config: PhoneConfig, package: str) -> None:
    """Remove an app's folder with all of its files."""
    place = Path(config.path(seen(package)))
    if place.is_dir():
        place.chmod(0o700)
    shutil.rmtree(place, ignore_errors=True)
    closed = Path(config.path(_CLOSED))
    if closed.is_dir():
        closed.chmod(0o700)
        _open_folders(closed / package)
        shutil.rmtree(closed / package, ignore_errors=True)
        closed.chmod(0)


def _open_folders(folder: Path) -> None:
    """Let folders be emptied that the app has closed."""
    for current, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(current, name)
            if not path.is_symlink():
                path.chmod(0o700)


class CannotEnter(Exception):
    """The namespaces of an app could not be made."""


def enter(config: PhoneConfig, package: str) -> None:
    """Make this process one of the app, in the app's folder. Raises `CannotEnter` or `OSError`."""
    if Path(_CLOSED).is_dir() and not config.prefix:
        libc = ctypes.CDLL(None, use_errno=True)
        user, group = os.getuid(), os.getgid()
        _done(libc.unshare(_NEW_USER | _NEW_MOUNTS), "namespaces")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        source, target = f"{_CLOSED}/{package}".encode(), seen(package).encode()
        _done(libc.mount(source, target, None, _BIND, None), "a mount")
    os.chdir(config.path(seen(package)))


def _done(result: int, what: str) -> None:
    if result != 0:
        raise CannotEnter(f"{what}: {os.strerror(ctypes.get_errno())}")


def command(config: PhoneConfig, package: str, argv: Sequence[str]) -> list[str]:
    """The command that runs a program of this computer as a process of the app."""
    root = config.prefix or "/"
    return own_programs.own_program("android.app_data", root, package, *argv)


def environment(config: PhoneConfig, package: str) -> dict[str, str]:
    """Environment variables of an app's process."""
    home = config.path(seen(package))
    return {"PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8", "TMPDIR": home}


def main() -> None:
    """Arguments: the phone's root folder, the app's package, and the program with its arguments."""
    from mobilebench.virtual.files import PhoneFiles

    root, package, *argv = sys.argv[1:]
    try:
        enter(PhoneFiles(Path(root)).config, package)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell
    except (CannotEnter, OSError) as error:
        sys.stderr.write(f"{argv[0]}: {error}\n")
        sys.exit(127)
