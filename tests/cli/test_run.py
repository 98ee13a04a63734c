"""What `mobilebench run` prints in the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobilebench import session
from mobilebench.cli import builds
from mobilebench.cli.app import app
from mobilebench.core.errors import BlockFailed, ExitCode
from mobilebench.core.records import PlannedBlock
from tests.session.fakes import FakeEngine, Sessions


def _fail(planned: PlannedBlock, cancel: object) -> None:
    raise BlockFailed("The page crashed.", fault="crash")


@pytest.mark.parametrize("retried", [["--retry", "failed"], []])
def test_an_interrupted_run_says_how_it_was_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retried: list[str]
) -> None:
    begun = Sessions(tmp_path)
    begun.world.engine = FakeEngine(behave=_fail)
    failed = begun.run()
    stopped = replace(failed, exit_code=ExitCode.INTERRUPTED)
    monkeypatch.setattr(session, "resume", lambda *_, **__: stopped)
    monkeypatch.setattr(builds, "require_current", lambda *_: None)
    said = CliRunner().invoke(app, ["run", "--resume", "last", *retried, "--out", str(tmp_path)])
    assert said.exit_code == ExitCode.INTERRUPTED
    words = " ".join(["Go on with: mobilebench run --resume", failed.run_id, *retried])
    assert words in said.stdout.splitlines()
