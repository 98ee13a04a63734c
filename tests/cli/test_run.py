"""What `mobilebench run` prints in the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.main import get_command

from mobilebench import session
from mobilebench.cli import app, builds, care_words, resuming
from mobilebench.core.errors import BlockFailed, ExitCode
from mobilebench.core.records import Conditions, GateLimits, PlannedBlock
from tests.cli.command_line import mobilebench
from tests.results.making import planned
from tests.session.fakes import FakeEngine, Sessions


def _fail(planned: PlannedBlock, cancel: object) -> None:
    raise BlockFailed("The page crashed.", fault="crash")


@pytest.mark.parametrize("option", ["--retry failed", ""])
@pytest.mark.slow
def test_an_interrupted_run_says_how_it_was_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    begun = Sessions(tmp_path)
    begun.world.engine = FakeEngine(behave=_fail)
    failed = begun.run()
    stopped = replace(failed, exit_code=ExitCode.INTERRUPTED)
    monkeypatch.setattr(session, "resume", lambda *_, **__: stopped)
    monkeypatch.setattr(builds, "require_current", lambda *_: None)
    code, out, _ = mobilebench(f"run --resume last {option} --out {tmp_path}")
    assert code == ExitCode.INTERRUPTED
    again = f"mobilebench run --resume {failed.run_id} {option}".strip()
    assert f"Continue it with: {again} --out {tmp_path}" in out.splitlines()


ENERGY = "run --serial host --suite native --engine tflite --model mobilenet_v2 --dry-run --json --record energy"


def test_energy_is_planned_as_windows_with_their_meter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    asked = (
        f"{ENERGY} --energy-window 120 --energy-windows 2 --meter csv:meter.csv --meter-offset=-0.5 --out {tmp_path}"
    )
    code, out, _ = mobilebench(asked)
    assert code == ExitCode.OK
    windows = [block for block in json.loads(out)["blocks"] if block["pass"] == "energy"]
    assert {block["round"] for block in windows} != {0}
    assert len({block["round"] for block in windows}) == 2
    assert {block["conditions"]["energy"]["meter"] for block in windows} == {"csv:meter.csv"}
    assert {len(block["conditions"]["energy"]["meter_sha256"]) for block in windows} == {64}
    assert str(Path.cwd()) not in out
    assert {block["conditions"]["energy"]["meter_offset_s"] for block in windows} == {-0.5}
    assert {block["conditions"]["energy"]["seconds"] for block in windows} == {120}


@pytest.mark.parametrize("option", ["--energy-window 59", "--energy-idle 9", "--meter usb:1", "--energy-windows 0"])
def test_a_window_that_proves_nothing_is_refused(option: str, tmp_path: Path) -> None:
    assert mobilebench(f"{ENERGY} {option} --out {tmp_path}")[0] == ExitCode.BAD_INPUT


@pytest.fixture
def begun(tmp_path: Path) -> Sessions:
    """A store with one run."""
    made = Sessions(tmp_path)
    made.run()
    return made


@pytest.mark.parametrize(
    ("option", "uses"),
    [
        ("--gate temperature=none", "It uses the gate none."),
        ("--conditions strict", "It uses the conditions none."),
        ("--record thermal@1s", "It uses the recorders none."),
        ("--pass kernels", "It uses the passes timing."),
        ("--meter tcp:127.0.0.1:7000", "It uses the meter none."),
        ("--serial R58M", "It uses the targets host."),
        ("--suite web", "It uses suite"),
        ("--seconds 5", "It uses the rule at most"),
        ("--blocks 3", "It uses 2 rounds of timing."),
        ("--within 2%", "It uses no goal"),
        ("--seed 7", "It uses seed 0."),
        ("--threads 7", "It uses threads"),
        ("--priority 3", "It uses priority 0."),
        ("--headed", "--headed cannot change run"),
        ("--no-frame-trace", "cannot change run"),
        ("--record-in-timing", "--record-in-timing cannot change run"),
    ],
)
def test_a_run_that_was_begun_cannot_be_changed(begun: Sessions, tmp_path: Path, option: str, uses: str) -> None:
    code, _, err = mobilebench(f"run --resume last {option} --out {tmp_path}")
    assert code == ExitCode.BAD_INPUT
    words = " ".join(err.split())
    assert uses in words
    assert f"Leave {option.split()[0]} out to continue that run" in words


def test_what_is_taken_with_resume_are_options_of_run() -> None:
    """All others are refused, so that none is without effect in silence."""
    (command,) = [one for one in get_command(app).commands.values() if one.name == "run"]  # type: ignore[attr-defined]
    names = {one.name for one in command.params}
    assert names >= resuming.ALLOWED


def test_a_dry_run_of_the_rest_measures_nothing(begun: Sessions, tmp_path: Path) -> None:
    code, out, _ = mobilebench(f"run --resume last --dry-run --out {tmp_path}")
    assert code == ExitCode.OK
    assert "0 of 2 planned blocks are left." in out


def test_the_plan_names_gates_and_conditions_by_target() -> None:
    limits = GateLimits(temperature=40.0, stop_above=50.0)
    blocks = [
        planned(number, target=target).model_copy(update={"conditions": Conditions(gates=limits, device=device)})
        for number, (target, device) in enumerate(
            [("a", "default"), ("b", "strict"), ("c", "none"), ("d", "default,radios-off"), ("a", "default")]
        )
    ]
    gate, default, strict, nothing, radios = care_words.sentences(blocks)
    assert gate == (
        "Gate before each block on 4 targets: temperature ≤ 40 °C, waits 10 min, then marked; stopped above 50 °C."
    )
    held = "screen-on, stay-awake, brightness, rotation, animations"
    assert default == f"Conditions of a: default ({held}); what a phone refuses makes its blocks suspect."
    assert strict.startswith("Conditions of b: strict (") and strict.endswith("makes its cases unsupported.")
    assert nothing == "Conditions of c: none (nothing is changed but what browsers need)."
    assert "without radios-off a case is unsupported" in radios
    assert care_words.sentences([planned(0)]) == []
