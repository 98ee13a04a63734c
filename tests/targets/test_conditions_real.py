"""Conditions on virtual phones, through adb."""

from __future__ import annotations

import pytest

from mobilebench import targets
from mobilebench.core.errors import MobilebenchError, TargetLost
from mobilebench.targets.android import controlling
from mobilebench.targets.android.conditions import missing, parse
from mobilebench.targets.android.device_changes import RESTORE_FILE
from mobilebench.virtual import phones

pytestmark = [pytest.mark.adb, pytest.mark.timeout(120)]

GOVERNORS = "/sys/devices/system/cpu/cpufreq"


def output_of(phone, *argv):
    return phone.shell(list(argv), timeout=60).stdout.decode()


def states(found):
    return {one.name: one.state for one in found.conditions}


def test_strict_conditions_hold_while_the_phone_is_open(rack, open_phone):
    rack("conditions")
    phones.change_state(
        "conditions", {"screen.on": False, "screen.locked": True, "settings.system.screen_brightness": "41"}
    )
    before = phones.state_of("conditions")
    with open_phone("conditions") as phone:
        found = phone.conditions("strict,radios-off")
        assert set(states(found).values()) <= {"set", "already"}
        assert states(found)["fixed-performance"] == "set"
        assert found.regime == "fixed"
        now = phones.state_of("conditions")
        assert (now.screen.on, now.screen.locked, now.fixed_performance) == (True, False, True)
        assert now.settings.system["screen_brightness"] == "128"
        assert now.settings.global_["zen_mode"] == "3"
        assert {now.settings.global_[name] for name in ("wifi_on", "mobile_data", "bluetooth_on")} == {"0"}
        phone.shell(["settings", "put", "system", "screen_brightness", "250"], timeout=60)
        assert states(phone.conditions("strict,radios-off"))["brightness"] == "set"
        assert phones.state_of("conditions").settings.system["screen_brightness"] == "128"
    after = phones.state_of("conditions")
    assert after.settings == before.settings
    assert (after.fixed_performance, after.screen.on) == (False, False)


@pytest.mark.parametrize("android", [7, 10, 11, 16])
def test_what_an_android_does_not_have_is_named(rack, open_phone, android):
    name = f"android-{android}"
    rack(name, android=android)
    with open_phone(name, android=android) as phone:
        found = phone.conditions("strict")
    newer = "set" if android >= 11 else "unavailable"
    assert {states(found)[name] for name in ("do-not-disturb", "fixed-performance")} == {newer}
    assert (missing(found) is None) == (android >= 11)


def test_a_phone_that_refuses_all_settings_is_measured_without(rack, open_phone):
    rack("refusing")
    phones.change_state("refusing", {"services.settings": "denied", "services.android.hardware.power": "missing"})
    before = phones.state_of("refusing")
    with open_phone("refusing") as phone:
        found = phone.conditions("default,fixed-performance")
        refused = {name for name, state in states(found).items() if state == "refused"}
        assert refused == {"stay-awake", "brightness", "animations", "fixed-performance"}
        assert states(found)["rotation"] == "already"
        assert "Power HAL" in missing(found) or "FIXED_PERFORMANCE" in missing(found)
        assert phone.shell(["ls", RESTORE_FILE], timeout=60).exit_code != 0
    after = phones.state_of("refusing")
    assert (after.settings, after.fixed_performance, after.screen) == (before.settings, False, before.screen)


def test_only_a_rooted_phone_pins_its_clocks(rack, open_phone):
    rack("rooted")
    with open_phone("rooted") as phone:
        before = output_of(
            phone, "sh", "-c", f"cat {GOVERNORS}/policy*/scaling_governor {GOVERNORS}/policy*/scaling_min_freq"
        )
        found = phone.conditions("none,pinned-clocks")
        assert (states(found), found.regime) == ({"pinned-clocks": "refused"}, "natural")
    phones.change_state("rooted", {"rooted": True})
    with open_phone("rooted") as phone:
        found = phone.conditions("none,pinned-clocks")
        assert (states(found), found.regime) == ({"pinned-clocks": "set"}, "fixed")
        assert output_of(phone, "cat", f"{GOVERNORS}/policy0/scaling_governor") == "performance\n"
        lowest, highest = (output_of(phone, "cat", f"{GOVERNORS}/policy0/scaling_{end}_freq") for end in ("min", "max"))
        assert lowest == highest
    with open_phone("rooted") as phone:
        assert (
            output_of(
                phone, "sh", "-c", f"cat {GOVERNORS}/policy*/scaling_governor {GOVERNORS}/policy*/scaling_min_freq"
            )
            == before
        )


@pytest.mark.parametrize("at", [0, 1, 3, 6])
def test_a_cable_that_is_pulled_while_conditions_are_set_leaves_nothing(rack, open_phone, monkeypatch, at):
    rack("pulled")
    before = phones.state_of("pulled")
    real, done = controlling.put, []

    def pull(shell, control):
        if len(done) == at:
            phones.down(["pulled"])
        done.append(control)
        return real(shell, control)

    monkeypatch.setattr("mobilebench.targets.android.device_changes.put", pull)
    with pytest.raises(TargetLost), open_phone("pulled") as phone:
        phone.conditions("strict")
    rack("pulled")
    with open_phone("pulled") as phone:
        assert phone.shell(["ls", RESTORE_FILE], timeout=60).exit_code != 0
    after = phones.state_of("pulled")
    assert (after.settings, after.fixed_performance) == (before.settings, before.fixed_performance)


def test_none_changes_nothing_but_what_a_browser_needs(rack, open_phone):
    rack("conditions")
    before = phones.state_of("conditions").settings
    with open_phone("conditions") as phone:
        assert phone.conditions("none").conditions == []
        assert phones.state_of("conditions").settings == before


def test_every_set_can_be_held_after_another(rack, open_phone):
    rack("conditions")
    before = phones.state_of("conditions").settings
    with open_phone("conditions") as phone:
        for asked in ("strict", "default", "none,radios-off", "none"):
            found = phone.conditions(asked)
            assert [one.name for one in found.conditions] == [one.name for one in parse(asked).conditions]
            assert all(one.holds for one in found.conditions)
        assert phones.state_of("conditions").settings == before


def test_a_phone_with_a_copy_is_shown_as_one_to_be_put_back(rack, open_phone):
    rack("copied")
    (info,) = targets.select(rack("copied"))
    with pytest.raises(MobilebenchError), open_phone("copied") as phone:
        phone.conditions("default")
        phones.down(["copied"])
        phone.shell(["true"], timeout=60)
    rack("copied")
    (info,) = targets.select(rack("copied"))
    assert targets.phone_statuses([info])[info.id].restore_due
    assert targets.restore(info).put_back
    assert not targets.phone_statuses([info])[info.id].restore_due
