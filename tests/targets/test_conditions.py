"""Conditions of phones: what can be asked for, what a phone makes of it, and what is told about it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mobilebench.core import paths
from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.core.records import DeviceCondition, DeviceConditions, TargetInfo
from mobilebench.targets.android import conditions, controlling, state_controls
from mobilebench.targets.android.conditions import CONDITIONS, missing, parse
from mobilebench.targets.android.device_changes import RESTORE_FILE, DeviceChanges
from mobilebench.targets.android.held_conditions import PhoneConditions
from mobilebench.targets.android.restore import StateBefore, this_process
from mobilebench.targets.android.restore_copy import RestoreCopy
from mobilebench.targets.base import ShellResult
from tests.pinning import Pinned
from tests.targets.fakes import FakePhone, failed

DENIED = ShellResult(b"", b"java.lang.SecurityException: Permission denial: writing to settings\n", 255)
INFO = TargetInfo(
    id="R5CT1",
    kind="android",
    machine="R5CT1",
    name="Phone",
    soc="Chip",
    os="Android 14",
    abi="arm64-v8a",
    runner="android-arm64-v8a",
    cores=8,
    facts={"ro.build.version.sdk": "34", "ro.serialno": "R5CT1"},
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(controlling, "SETTLE_SECONDS", 0.0)


class Phone(FakePhone):
    """A phone whose screen, do-not-disturb, radios and fixed performance change too."""

    def __init__(self, **how):
        super().__init__(**how)
        self.screen = "Asleep"
        self.fixed = False

    def _answer(self, words):
        match words:
            case ["dumpsys", "power", *_]:
                return f"mWakefulness={self.screen}\n"
            case ["input", "keyevent", "KEYCODE_WAKEUP;", *_]:
                self.screen = "Awake"
            case ["input", "keyevent", "KEYCODE_SLEEP"]:
                self.screen = "Asleep"
            case ["cmd", "notification", "set_dnd", mode]:
                self.settings["zen_mode"] = {"off": "0", "priority": "1", "none": "2", "alarms": "3"}[mode]
            case ["cmd", "power", "set-fixed-performance-mode-enabled", value]:
                self.fixed = value == "true"
            case ["svc", radio, verb]:
                key = {"wifi": "wifi_on", "data": "mobile_data", "bluetooth": "bluetooth_on"}[radio]
                self.settings[key] = "1" if verb == "enable" else "0"
            case _:
                return super()._answer(words)
        return ""


def opened(phone, info=INFO):
    return PhoneConditions(info, changes := DeviceChanges(phone, phone.files, "t0")), changes


def states(found):
    return {one.name: one.state for one in found.conditions}


# What can be asked for


def test_the_guide_has_the_tables():
    guide = (paths.PACKAGE.parent / "docs" / "devices.md").read_text(encoding="utf-8")
    assert conditions.markdown() in guide


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("default", "default"),
        ("radios-off", "default,radios-off"),
        (" radios-off , strict ", "strict,radios-off"),
        ("strict,fixed-performance,strict", "strict"),
        ("none,brightness", "none,brightness"),
        ("pinned-clocks,radios-off", "default,radios-off,pinned-clocks"),
    ],
)
def test_what_is_asked_for_has_one_form(text, canonical):
    assert parse(text).text == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    "text",
    ["", " , ", "stric", "default,loud", "strict,none", "strict,pinned-clocks", "fixed-performance,pinned-clocks"],
)
def test_what_cannot_be_asked_for(text, pinned: Pinned):
    with pinned.raises(BadInput):
        parse(text)


def test_none_asks_for_nothing_and_strict_for_more_than_default():
    assert parse("none").conditions == ()
    names = {text: {one.name for one in parse(text).conditions} for text in ("default", "strict")}
    assert names["default"] < names["strict"]
    assert "radios-off" not in names["strict"]


# What a phone makes of it


def test_everything_is_set_read_back_and_put_back():
    before = {"screen_brightness": "30", "zen_mode": "1", "wifi_on": "2", "mobile_data": "0", "bluetooth_on": "1"}
    phone = Phone(settings=dict(before))
    held, changes = opened(phone)
    found = held.meet("strict,radios-off")
    assert found.regime == "fixed"
    assert states(found) == dict.fromkeys([one.name for one in parse("strict,radios-off").conditions], "set")
    assert (phone.settings["zen_mode"], phone.settings["wifi_on"], phone.fixed, phone.screen) == (
        "3",
        "0",
        True,
        "Awake",
    )
    changes.put_back_all()
    assert phone.settings == {**before, "wifi_on": "1"}  # Android chooses this number again by itself
    assert (phone.fixed, phone.screen, phone.files.files) == (False, "Asleep", {})


def test_every_old_value_is_recorded_before_anything_is_changed():
    phone = Phone(settings={"screen_brightness": "30"})
    phone.files.failure = BlockFailed("full")
    with pytest.raises(BlockFailed, match="full"):
        opened(phone)[0].meet("strict")
    assert (phone.settings, phone.fixed, phone.screen) == ({"screen_brightness": "30"}, False, "Asleep")


def test_what_is_so_already_is_left_alone():
    phone = Phone(settings={"stay_on_while_plugged_in": "7"})
    found = opened(phone)[0].meet("none,stay-awake")
    assert (states(found), phone.files.files) == ({"stay-awake": "already"}, {})


def test_a_phone_that_refuses_all_settings_is_measured_and_every_refusal_is_named():
    phone = Phone(settings={"screen_brightness": "30", "zen_mode": "0"})
    phone.refused["settings put"] = DENIED
    held, changes = opened(phone)
    found = held.meet("default")
    assert states(found) == {
        "screen-on": "set",
        **dict.fromkeys(["stay-awake", "brightness", "rotation", "animations"], "refused"),
    }
    assert all("SecurityException" in one.reason for one in found.conditions if not one.holds)
    assert missing(found) is None
    changes.put_back_all()
    assert (phone.settings, phone.files.files) == ({"screen_brightness": "30", "zen_mode": "0"}, {})


def test_settings_that_cannot_be_read_are_not_changed():
    phone = Phone(settings={"screen_brightness": "30"})
    phone.refused["settings get"] = failed(20, "cmd: Can't find service: settings")
    found = opened(phone)[0].meet("default,radios-off")
    assert {state for name, state in states(found).items() if name != "screen-on"} == {"refused"}
    assert not [text for text in phone.done if text.startswith(("settings put", "svc"))]


def test_a_value_that_the_phone_does_not_take_is_refused_and_put_back():
    phone = Phone(settings={"screen_brightness": "30", "screen_brightness_mode": "1"})
    phone.refused["settings put system screen_brightness "] = ShellResult(b"", b"", 0)
    found = opened(phone)[0].meet("none,brightness")
    (one,) = found.conditions
    assert one.reason == "the phone did not change the setting screen_brightness, which is 30"
    assert phone.settings["screen_brightness"] == "30"


def test_a_lock_screen_with_a_secret_is_a_refusal():
    phone = Phone()
    phone.refused["dumpsys power"] = ShellResult(b"mWakefulness=Awake\nmDreamingLockscreen=true\n", b"", 0)
    (one,) = opened(phone)[0].meet("none,screen-on").conditions
    assert (one.state, one.reason) == ("refused", "the phone did not change the screen, which is locked")


@pytest.mark.parametrize(
    ("asked", "info", "name", "reason"),
    [
        ("strict", {"facts": {"ro.build.version.sdk": "29"}}, "fixed-performance", "needs Android 11"),
        ("strict", {"facts": {"ro.build.version.sdk": "29"}}, "do-not-disturb", "needs Android 11"),
        ("radios-off", {"id": "10.0.0.7:5555"}, "radios-off", "the phone is reached over a network"),
        ("radios-off", {"id": "adb-R5CT1._adb-tls-connect._tcp"}, "radios-off", "the phone is reached over a network"),
    ],
)
def test_what_a_phone_does_not_have_is_not_tried(asked, info, name, reason):
    phone = Phone(settings={"wifi_on": "1"})
    found = opened(phone, INFO.model_copy(update=info))[0].meet(asked)
    one = next(one for one in found.conditions if one.name == name)
    assert (one.state, one.reason, found.regime) == ("unavailable", reason, "natural")
    assert not [text for text in phone.done if text.startswith(("svc", "cmd"))]
    assert name in missing(found)


def test_a_maker_without_fixed_performance_makes_strict_unsupported(pinned: Pinned):
    phone = Phone()
    phone.refused["cmd power"] = failed(255, "Failed to set FIXED_PERFORMANCE mode")
    held, changes = opened(phone)
    found = held.meet("strict")
    assert found.regime == "natural"
    pinned(missing(found))
    changes.put_back_all()
    assert phone.files.files == {}


def test_fixed_performance_that_cannot_be_switched_off_stays_recorded():
    phone = Phone()
    held, changes = opened(phone)
    held.meet("none,fixed-performance")
    phone.refused["cmd power"] = failed(20, "cmd: Can't find service: power")
    with pytest.raises(BlockFailed, match="fixed performance"):
        changes.put_back_all()
    assert b"fixed_performance" in phone.files.files[RESTORE_FILE]


def test_what_was_lost_between_two_blocks_is_set_again_and_the_first_value_comes_back():
    phone = Phone(settings={"screen_brightness": "30", "stay_on_while_plugged_in": "7"})
    held, changes = opened(phone)
    held.meet("default")
    phone.screen = "Asleep"
    phone.settings |= {"screen_brightness": "200", "stay_on_while_plugged_in": "1"}
    found = held.meet("default")
    assert (phone.settings["screen_brightness"], phone.settings["stay_on_while_plugged_in"]) == ("128", "7")
    assert phone.screen == "Awake"
    assert all(one.holds for one in found.conditions)
    changes.put_back_all()
    assert phone.settings == {"screen_brightness": "30", "stay_on_while_plugged_in": "1"}


def test_other_conditions_put_the_earlier_ones_back():
    phone = Phone(settings={"screen_brightness": "30"})
    held, _ = opened(phone)
    held.meet("default")
    assert held.meet("none").conditions == []
    assert (phone.settings, phone.files.files) == ({"screen_brightness": "30"}, {})


def test_a_phone_that_goes_away_while_it_is_changed_keeps_its_record():
    phone = Phone(settings={"screen_brightness": "30"})
    phone.refused["settings put system screen_brightness "] = TargetLost("gone")
    with pytest.raises(TargetLost):
        opened(phone)[0].meet("default")
    assert b"screen_brightness" in phone.files.files[RESTORE_FILE]


def test_conditions_that_could_not_be_set_are_set_for_the_next_block():
    phone = Phone(settings={"screen_brightness": "30"})
    held, changes = opened(phone)
    phone.refused["settings put system screen_brightness "] = BlockFailed("no answer")
    with pytest.raises(BlockFailed, match="no answer"):
        held.meet("strict")
    del phone.refused["settings put system screen_brightness "]
    found = held.meet("strict")
    assert phone.settings["screen_brightness"] == "128"
    assert all(one.holds for one in found.conditions)
    changes.put_back_all()
    assert phone.settings == {"screen_brightness": "30", "zen_mode": "0"}


@pytest.mark.parametrize(
    ("wifi", "state", "puts_back"),
    [
        ("1", "set", True),
        ("2", "set", True),
        ("0", "already", False),
        ("3", "already", False),
        ("null", "refused", False),
    ],
)
def test_a_radio_that_is_off_is_not_switched_on(wifi, state, puts_back):
    phone = Phone(settings={"wifi_on": wifi, "mobile_data": "0", "bluetooth_on": "0"})
    held, changes = opened(phone)
    assert states(held.meet("none,radios-off")) == {"radios-off": state}
    changes.put_back_all()
    assert ("svc wifi enable" in phone.done) == puts_back
    assert phone.settings["wifi_on"] == ("1" if puts_back else wifi)


# Requirements


def test_only_what_was_asked_by_name_or_strictly_is_required():
    refused = [DeviceCondition(name="brightness", state="refused", reason="no")]
    for asked, required in {
        "default": False,
        "default,radios-off": False,
        "strict": True,
        "none,brightness": True,
    }.items():
        assert (missing(DeviceConditions(asked=asked, conditions=refused)) is not None) == required


@pytest.mark.parametrize("one", CONDITIONS, ids=lambda one: one.name)
def test_every_condition_can_be_asked_for_by_name(one):
    assert one in parse(f"none,{one.name}").conditions


# What a restore file may hold


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("screen", "walt"),
        ("fixed_performance", "1"),
        ("wifi", "on; reboot"),
        ("policy0/scaling_governor", "$(reboot)"),
        ("policy0/scaling_min_freq", "walt"),
        ("policy0/scaling_max_freq", "1"),
        ("policy0/../../x", "1"),
        ("shell", "on"),
    ],
)
def test_a_restore_file_cannot_make_a_command(name, value):
    with pytest.raises(ValidationError):
        StateBefore(name=name, value=value, put=value)
    assert not state_controls.allows(name, value)
    with pytest.raises(KeyError):
        state_controls.set_command(name, value)


# The copy on this computer


def test_the_copy_is_used_where_the_phone_lost_its_file_and_says_so(tmp_path):
    phone = Phone(settings={"screen_brightness": "30"})
    copy = RestoreCopy(tmp_path / "a.json")
    dead = this_process().model_copy(update={"started": "0"})
    changes = DeviceChanges(phone, phone.files, "t0", copy)
    changes._owner = dead
    PhoneConditions(INFO, changes).meet("strict")
    del phone.files.files[RESTORE_FILE]
    phone.settings["accelerometer_rotation"] = "1"
    recovered = DeviceChanges(phone, phone.files, "t0", copy).recover()
    assert recovered.notices == ("The phone had no restore file; the copy on this computer was used.",)
    assert "the setting system screen_brightness is 30" in recovered.put_back
    assert phone.settings == {"screen_brightness": "30", "accelerometer_rotation": "1", "zen_mode": "0"}
    assert (phone.fixed, phone.screen, phone.files.files) == (False, "Awake", {})
    assert not copy.exists


def test_a_copy_that_is_not_valid_is_moved_aside(tmp_path):
    file = tmp_path / "restore" / "a.json"
    file.parent.mkdir()
    for content in (b"", b"{", b"[]", b'{"schema":"mobilebench/restore/2"}', b"\xff" * 10):
        file.write_bytes(content)
        assert RestoreCopy(file).read() is None
        assert not file.exists()
    assert RestoreCopy(file).read() is None


def test_a_copy_that_cannot_be_written_does_not_stop_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    phone = Phone(settings={"screen_brightness": "30"})
    changes = DeviceChanges(phone, phone.files, "t0", RestoreCopy(tmp_path / "file" / "restore" / "a.json"))
    PhoneConditions(INFO, changes).meet("default")
    changes.put_back_all()
    assert phone.settings == {"screen_brightness": "30"}


def test_phones_have_copies_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    other = INFO.model_copy(update={"facts": {"ro.serialno": "R5CT2"}})
    moved = INFO.model_copy(update={"id": "10.0.0.7:5555"})
    files = [RestoreCopy.of(info)._file for info in (INFO, other, moved)]
    assert files[0] != files[1] and files[0] == files[2]
