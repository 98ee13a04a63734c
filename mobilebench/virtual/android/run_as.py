"""`run-as`: runs a command of the shell as an installed app that can be debugged, in the app's folder.

The words are those of system/core, `run-as.c` and `run-as.cpp`. Only the standard library is imported here: this runs
as a program inside the phone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from mobilebench.virtual.android import app_data, packages
from mobilebench.virtual.files import PhoneFiles

SERVICE = "run-as"
"""Entry of the state's `services` that refuses all calls."""
WORDS_CHANGED_SINCE = 26
"""API level from which the messages are the present ones."""


_SYSTEM = {"android", "com.android.settings", "com.android.shell", "com.android.systemui"}


class Refused(Exception):
    """The sentence with which `run-as` gives up."""


def allowed(files: PhoneFiles, words: Sequence[str]) -> tuple[str, list[str]]:
    """Package and command of these words after `run-as`. Raises `Refused`."""
    old = files.config.api < WORDS_CHANGED_SINCE
    if not words:
        usage = "<package-name> [--user <uid>] <command> [<args>]\n"
        raise Refused(f"Usage:\n    run-as {usage}" if old else f"usage: run-as {usage}")
    package, *command = words
    if len(command) >= 2 and command[0] == "--user":
        command = command[2:]
    app = packages.load(files.config).get(package)
    if app is None and package in _SYSTEM:
        raise Refused(f"Package '{package}' is not an application" if old else f"package not an application: {package}")
    if app is None:
        raise Refused(f"Package '{package}' is unknown" if old else f"unknown package: {package}")
    if not app.debuggable:
        raise Refused(f"Package '{package}' is not debuggable" if old else f"package not debuggable: {package}")
    if files.state.services.get(SERVICE) == "denied":
        context = "Could not set SELinux security context" if old else "couldn't set SELinux security context"
        raise Refused(f"{context}: Permission denied")
    return package, command


def main(root: Path, words: Sequence[str]) -> NoReturn:
    """Run the words after `run-as`; without a command a shell."""
    files = PhoneFiles(root)
    config = files.config
    try:
        package, command = allowed(files, words)
        app_data.enter(config, package)
        os.environ["HOME"] = config.path(app_data.seen(package))
        if not command:
            os.execv(config.path("/system/bin/sh"), ["sh"])  # noqa: S606 - the phone's shell
        try:
            os.execvp(command[0], command)  # noqa: S606 - as `run-as` does
        except OSError as error:
            raise Refused(f"exec failed for {command[0]}: {error.strerror}") from None
    except (Refused, app_data.CannotEnter, OSError) as error:
        sys.stderr.write(f"run-as: {error}\n")
        sys.exit(1)
