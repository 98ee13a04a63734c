"""What `mobilebench run` prints in the end."""

from __future__ import annotations

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
