"""What `mobilebench run` prints in the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench import session
from mobilebench.cli import builds
from mobilebench.core.errors import BlockFailed, ExitCode
from mobilebench.core.records import PlannedBlock
from tests.cli.command_line import mobilebench
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
    assert f"Continue it with: mobilebench run --resume {failed.run_id} {option}".strip() in out.splitlines()


ENERGY = "run --serial host --suite native --engine tflite --model mobilenet_v2 --dry-run --json --record energy"


def test_energy_is_planned_as_windows_with_their_meter(tmp_path: Path) -> None:
    asked = (
        f"{ENERGY} --energy-window 120 --energy-windows 2 --meter csv:meter.csv --meter-offset=-0.5 --out {tmp_path}"
    )
    code, out, _ = mobilebench(asked)
    assert code == ExitCode.OK
    windows = [block for block in json.loads(out)["blocks"] if block["pass"] == "energy"]
    assert {block["round"] for block in windows} != {0}
    assert len({block["round"] for block in windows}) == 2
    assert {block["conditions"]["energy"]["meter"] for block in windows} == {f"csv:{Path.cwd() / 'meter.csv'}"}
    assert {block["conditions"]["energy"]["meter_offset_s"] for block in windows} == {-0.5}
    assert {block["conditions"]["energy"]["seconds"] for block in windows} == {120}


@pytest.mark.parametrize("option", ["--energy-window 59", "--energy-idle 9", "--meter usb:1", "--energy-windows 0"])
def test_a_window_that_proves_nothing_is_refused(option: str, tmp_path: Path) -> None:
    assert mobilebench(f"{ENERGY} {option} --out {tmp_path}")[0] == ExitCode.BAD_INPUT
