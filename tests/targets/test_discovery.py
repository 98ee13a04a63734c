"""Each of adb's states for a phone has its own advice."""

from __future__ import annotations

import pytest

from mobilebench.targets.android import discovery, states
from tests.pinning import Pinned

WORDS = [
    "offline",
    "unauthorized",
    "authorizing",
    "connecting",
    "bootloader",
    "recovery",
    "rescue",
    "sideload",
    "host",
    "detached",
    "absent",
    states.SILENT,
    states.TWIN,
    "the same phone as R58M",
    "no permissions",
    "no permissions (user ann is not in the plugdev group); see [http://developer.android.com/tools/device.html]",
]


def test_each_state_has_its_own_hint():
    hints = {discovery.remedy("R58M", word) for word in WORDS}
    assert len(hints) == len(WORDS)
    assert all(hint.endswith(".") and "{" not in hint for hint in hints)


@pytest.mark.parametrize(
    "word",
    [
        "no permissions",
        "no permissions; see [http://developer.android.com/tools/device.html]",
        "no permissions (verify udev rules); see [http://developer.android.com/tools/device.html]",
        "no permissions (user in plugdev group; are your udev rules wrong?); see [url]",
        "no permissions (missing udev rules? user is in the plugdev group); see [url]",
    ],
)
def test_missing_permissions_are_a_matter_of_udev_rules(word):
    assert "android-sdk-platform-tools-common" in discovery.remedy("R58M", word)


def test_missing_permissions_name_the_group(pinned: Pinned):
    hint = discovery.remedy("R58M", "no permissions (user ann is not in the plugdev group); see [url]")
    pinned(hint)


@pytest.mark.parametrize(
    "serial", ["R58M", "192.168.1.5:5555", "[fe80::1]:5555", "adb-R58M-aBcDeF._adb-tls-connect._tcp", "emulator-5554"]
)
def test_offline_depends_on_how_the_phone_is_attached(serial, pinned: Pinned):
    pinned(discovery.remedy(serial, "offline"))


def test_serials_in_commands_are_quoted(pinned: Pinned):
    pinned(discovery.remedy("a; b", "recovery"))


@pytest.mark.parametrize("word", ["nothing", "", "{0}", "no such word"])
def test_an_unknown_state_is_shown(word, pinned: Pinned):
    hint = discovery.remedy("R58M", word)
    assert f"“{word}”" in hint
    pinned(hint)
