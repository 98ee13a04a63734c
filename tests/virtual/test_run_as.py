"""`run-as`: who may become an app, in the words of each Android version."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.virtual.android import run_as
from mobilebench.virtual.state import with_value
from tests.virtual.making_apks import Made
from tests.virtual.test_packages import PACKAGE, install, phone


@pytest.mark.parametrize(
    ("android", "words", "refusal"),
    [
        (14, ("org.none", "ls"), "unknown package: org.none"),
        (7, ("org.none", "ls"), "Package 'org.none' is unknown"),
        (14, ("org.release", "ls"), "package not debuggable: org.release"),
        (7, ("org.release", "ls"), "Package 'org.release' is not debuggable"),
        (14, ("com.android.settings",), "package not an application: com.android.settings"),
        (7, ("com.android.settings",), "Package 'com.android.settings' is not an application"),
        (14, (), "usage: run-as <package-name> [--user <uid>] <command> [<args>]\n"),
        (7, (), "Usage:\n    run-as <package-name> [--user <uid>] <command> [<args>]\n"),
    ],
)
def test_refusals(tmp_path: Path, android: int, words: tuple[str, ...], refusal: str) -> None:
    device = phone(tmp_path, android)
    install(device, Made(package="org.release", debuggable=False))
    with pytest.raises(run_as.Refused) as found:
        run_as.allowed(device.files, words)
    assert str(found.value) == refusal


def test_a_user_is_named_before_the_command(tmp_path: Path) -> None:
    device = phone(tmp_path)
    install(device, Made())
    assert run_as.allowed(device.files, [PACKAGE, "--user", "0", "ls", "-l"]) == (PACKAGE, ["ls", "-l"])
    assert run_as.allowed(device.files, [PACKAGE]) == (PACKAGE, [])


@pytest.mark.parametrize(
    ("android", "refusal"),
    [
        (7, "Could not set SELinux security context: Permission denied"),
        (14, "couldn't set SELinux security context: Permission denied"),
    ],
)
def test_a_maker_that_refuses_it(tmp_path: Path, android: int, refusal: str) -> None:
    device = phone(tmp_path, android)
    install(device, Made())
    device.files.change(lambda state: with_value(state, "services.run-as", "denied"))
    with pytest.raises(run_as.Refused, match=refusal):
        run_as.allowed(device.files, [PACKAGE, "ls"])
