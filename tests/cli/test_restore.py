"""`mobilebench restore`, and what `mobilebench devices` says of phones on which something is left."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mobilebench import targets
from mobilebench.cli import app
from mobilebench.core.errors import BadInput, TargetLost
from mobilebench.targets.android import description, discovery
from mobilebench.targets.android.device import PhoneStatus
from mobilebench.targets.android.device_changes import Recovered
from tests.pinning import Pinned

runner = CliRunner()


@pytest.fixture
def phones(monkeypatch):
    """Serials to what comes of putting back there; all of them are attached, and ready unless they are `AWAY`."""
    found = {}

    def restored(info):
        answer = found[info.id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(
        discovery, "attached", lambda: {serial: "offline" if serial == "AWAY" else "device" for serial in found}
    )
    monkeypatch.setattr(description, "read", lambda shell: description.describe(shell.serial, {}))
    monkeypatch.setattr(targets, "restore", restored)
    return found


DONE = Recovered(put_back=("the setting global a is 1", "x.y is ended"))


def test_everything_is_listed_and_nothing_is_an_answer_too(phones, pinned: Pinned):
    phones |= {"A": DONE, "B": Recovered(), "AWAY": Recovered()}
    result = runner.invoke(app, ["restore"])
    assert result.stdout.splitlines() == [
        "A: put back: the setting global a is 1.",
        "A: put back: x.y is ended.",
        "B: nothing to put back.",
    ]
    pinned(result.stderr)
    assert result.exit_code == 0


def test_phones_can_be_named(phones):
    phones |= {"A": TargetLost("not asked"), "B": DONE}
    result = runner.invoke(app, ["restore", "B", "--json"])
    assert json.loads(result.stdout) == [
        {"serial": "B", "put_back": list(DONE.put_back), "left": [], "notices": [], "refused": None}
    ]
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (BadInput("Phone A is being measured by pid 7.", hint="Wait."), 2, "Phone A is being measured by pid 7."),
        (Recovered(left=("the setting cannot be changed.",)), 1, "A: the setting cannot be changed."),
        (TargetLost("A went away."), 1, "A: A went away."),
    ],
)
def test_what_was_not_put_back_is_told_and_keeps_no_other_phone_waiting(phones, answer, code, words, pinned: Pinned):
    phones |= {"A": answer, "B": DONE}
    result = runner.invoke(app, ["restore"])
    assert words in result.stderr
    pinned(result.stdout)
    assert result.exit_code == code


def test_a_restore_file_that_was_moved_aside_is_told(phones):
    phones["A"] = Recovered(notices=("Its restore file was moved.",))
    result = runner.invoke(app, ["restore"])
    assert (result.stdout, result.exit_code) == ("A: Its restore file was moved.\n", 0)


@pytest.mark.parametrize(("named", "code"), [(["host"], 2), (["NOPE"], 2), (["AWAY"], 2), ([], 3)])
def test_what_is_no_phone_that_can_be_reached(phones, named, code):
    phones["AWAY"] = DONE
    assert runner.invoke(app, ["restore", *named]).exit_code == code


def test_devices_says_who_measures_a_phone_and_where_something_has_to_be_put_back(phones, monkeypatch):
    phones |= {"A": DONE, "B": DONE, "C": DONE}
    standings = {"A": PhoneStatus("pid 7 (run x)", False), "B": PhoneStatus(None, True), "C": PhoneStatus(None, False)}
    monkeypatch.setattr(targets, "phone_statuses", lambda infos: standings)
    lines = runner.invoke(app, ["devices"]).stdout.splitlines()
    assert "A: it is being measured by pid 7 (run x)." in lines
    assert any(line.startswith("B: ") and "`mobilebench restore B`" in line for line in lines)
    found = {one["id"]: one for one in json.loads(runner.invoke(app, ["devices", "--json"]).stdout)}
    assert (found["A"]["measured_by"], found["A"]["restore_due"]) == ("pid 7 (run x)", False)
    assert (found["B"]["measured_by"], found["B"]["restore_due"]) == (None, True)
    assert (found["host"]["measured_by"], found["host"]["restore_due"]) == (None, False)
