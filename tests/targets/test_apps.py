"""Which version of an app the current user has, and why an installed one cannot be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.targets.android import apps
from mobilebench.targets.android.apps import Installed
from tests.pinning import Pinned

CHROME = "com.android.chrome"
USER = (
    "User 0: ceDataInode=262 installed=true hidden=false suspended=false distractionFlags=0 stopped=false"
    " notLaunched=false enabled=0 instant=false virtual=false quarantined=false"
)
DUMP = f"""@package {CHROME}
Domain verification status:
  com.android.chrome:
    User 0:
Packages:
  Package [{CHROME}] (d1f2a3):
    versionName=120.0.6099.43
    {USER}
Hidden system packages:
  Package [{CHROME}] (8e7f6):
    versionName=101.0.4951.41
    User 0: ceDataInode=0 installed=true hidden=false suspended=false stopped=false enabled=3 instant=false
"""


def parsed(text, user=0):
    return apps.parse_packages(text, user).found.get(CHROME)


def test_the_version_is_that_of_the_package_which_is_installed():
    assert parsed(DUMP) == Installed("120.0.6099.43", None)
    assert parsed(DUMP.replace("\n", "\r\n")) == Installed("120.0.6099.43", None)


@pytest.mark.parametrize(
    ("line", "replacement", "why"),
    [
        ("enabled=0 instant", "enabled=2 instant", "is disabled on this phone"),
        ("enabled=0 instant", "enabled=3 instant", "is disabled on this phone"),
        ("enabled=0 instant", "enabled=4 instant", "is disabled on this phone"),
        ("enabled=0 instant", "enabled=1 instant", None),
        ("hidden=false", "hidden=true", "is hidden on this phone"),
        ("suspended=false", "suspended=true", "is suspended on this phone"),
        ("quarantined=false", "quarantined=true", "is quarantined on this phone"),
        ("stopped=false", "stopped=true", None),
        ("installed=true", "installed=false", "is not installed for this phone's current user (0)"),
        (
            USER,
            USER.replace("installed=true", "installed=false") + "\n      archiveState: ArchiveState{title=Play}",
            "is archived on this phone: only its icon is left",
        ),
        (
            USER,
            USER.replace("User 0", "User 10"),
            "is not installed for this phone's current user (0), only for user 10",
        ),
        ("versionName=120.0.6099.43", "versionName=null", "does not report its version"),
    ],
)
def test_why_a_package_cannot_be_used(line, replacement, why):
    assert parsed(DUMP.replace(line, replacement, 1)).why_not == why


def test_each_user_has_a_state_of_their_own(pinned: Pinned):
    text = DUMP.replace(USER, f"{USER}\n    {USER.replace('User 0', 'User 10').replace('enabled=0', 'enabled=3')}")
    assert parsed(text, 0).why_not is None
    assert parsed(text, 10).why_not == "is disabled on this phone"
    pinned(parsed(text, 11).why_not)


def test_the_shorter_answer_of_older_phones_is_read():
    package = f"  Package [{CHROME}] (1):\n    versionName=55.0\n    User 0:  installed=true hidden=false"
    text = f"@package {CHROME}\nPackages:\n{package}"
    assert parsed(text) == Installed("55.0", None)


def test_a_package_that_is_missing_or_only_hidden_is_not_there():
    assert apps.parse_packages(f"@package {CHROME}\nUnable to find package: {CHROME}\n", 0) == apps.PackageAnswers({})
    assert parsed(DUMP.replace("\nPackages:", "\nRenamed packages:")) is None


@pytest.mark.parametrize(
    "answer",
    [
        "Can't find service: package",
        "Permission Denial: can't dump package from pid=1",
        "*** SERVICE 'package' DUMP TIMEOUT (10000ms) EXPIRED ***",
        "",
        "    versionName=120.0.6099.43",
        "Paquetes:",
    ],
)
def test_a_refusal_is_not_a_missing_package(answer, pinned: Pinned):
    answers = apps.parse_packages(f"@package {CHROME}\n{answer}\n", 0)
    assert answers.found == {}
    pinned(answers.refusal)


@pytest.mark.parametrize(("text", "user"), [("0\n", 0), ("10\n", 10), ("", 0), ("Error: no such command", 0)])
def test_the_current_user(text, user):
    assert apps.parse_current_user(text) == user


@given(st.text(), st.integers(0, len(DUMP)))
def test_noise_never_breaks_it(noise, cut):
    apps.parse_packages(DUMP[:cut] + noise + DUMP[cut:], 0)
