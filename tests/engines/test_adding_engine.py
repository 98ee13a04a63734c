"""Adding an engine takes one module and one line in the registry.

A throw-away engine is listed, offered for completion, planned, measured, stored and exported.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from mobilebench import suite as suites
from mobilebench.cli.app import app
from mobilebench.cli.options import complete_engines
from mobilebench.core.records import Case, PlannedBlock, TargetInfo
from mobilebench.engines import registry
from mobilebench.engines.base import Backend, BlockResult, PreparedCase, reason_against
from mobilebench.models.manifest import ModelFiles
from mobilebench.results import export
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, run
from mobilebench.session.dependencies import Dependencies
from tests.pinning import Pinned

from ..results.making import host, measurement
from ..session.fakes import ANSWER, PROOF, Seen, World


class AbacusEngine:
    """Computes with beads."""

    name = "abacus"
    kind = "native"
    description = "Beads on rods"
    backends = (Backend("rods", "Ten beads a rod", {"arithmetic": ("fp32", "fp16")}),)
    format = None
    claims_machine = True
    start_seconds = 0.0
    why_no_kernels = "a bead has no operators"

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        return reason_against(self.name, self.backends, 1, case)

    def prepare(self, target: Any, block: PlannedBlock, files: ModelFiles) -> PreparedCase:
        return PreparedCase(target, block, files, {})

    def measure(self, prepared: PreparedCase, *, cancel: threading.Event, traces: Path) -> BlockResult:
        return BlockResult(measurement(engine=self.name, output=[ANSWER], proof=PROOF))


@pytest.fixture(autouse=True)
def abacus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = ModuleType("abacus_of_a_test")
    module.AbacusEngine = AbacusEngine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(registry._ENGINES, "abacus", (module.__name__, "AbacusEngine"))  # the line in the registry
    registry._engines.cache_clear()
    yield
    registry._engines.cache_clear()


SUITE = """\
title: Beads
description: For tests
models: [mobilenet_v2]
threads: [1, 2]
rule: {}
blocks: 1
groups:
  - targets: [host]
    engines:
      abacus:
        rods:
          arithmetic: [fp16]
"""


def test_it_is_listed_and_offered() -> None:
    listed = json.loads(CliRunner().invoke(app, ["describe", "engines", "--json"]).stdout)
    assert next(one for one in listed if one["engine"] == "abacus")["description"] == "Beads on rods"
    backends = json.loads(CliRunner().invoke(app, ["describe", "backends", "--json"]).stdout)
    assert any(one["engine"] == "abacus" and one["backend"] == "rods" for one in backends)
    assert complete_engines("aba") == ["abacus"]


def test_it_is_planned_measured_stored_and_exported(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "beads.yaml"
    file.write_text(SUITE)
    planned = suites.plan(suites.load(str(file)), [host()])
    keys = [block.case.key for block in planned.blocks]
    assert sorted(keys) == [f"host/abacus/rods/fp16/t{threads}/mobilenet_v2/fp32/b1" for threads in (1, 2)]

    store = Store.open(tmp_path)
    dependencies = replace(World(attached=[host()]).dependencies(), engine=Dependencies().engine)
    request = RunRequest(plan=planned, targets=planned.targets, command=())
    found = run(request, store, on_event=Seen(), cancel=threading.Event(), dependencies=dependencies)
    stored = store.load(found.run_id)
    outcomes = {block.planned.case.threads: block for block in stored.blocks}
    assert outcomes[1].outcome == "measured"
    assert outcomes[2].outcome == "unsupported"
    pinned(outcomes[2].reason or "")
    rows = [row for row in export.rows(stored, "samples") if row["engine"] == "abacus"]
    assert {(row["backend"], row["arithmetic"]) for row in rows} == {("rods", "fp16")}
