"""`mobilebench explain`: its forms, and what it answers where there is nothing to explain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.core.records import Block, Measurement
from mobilebench.results.store import Store
from tests.analysis import test_explain as ladders
from tests.cli.command_line import mobilebench


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def with_proof(block: Block) -> Block:
    """The block as a page without isolation would report it, which the rules ask for."""
    answer = block.measurement
    if answer is None or block.planned.case.isolation == "isolated":
        return block
    proof = answer.proof.model_copy(update={"cross_origin_isolated": False})
    changed: Measurement = answer.model_copy(update={"proof": proof})
    return block.model_copy(update={"measurement": changed})


def store(folder: Path, times: dict[ladders.Case, float]) -> None:
    run = ladders.run_of(times)
    with Store.open(folder) as opened:
        opened.create_run(run.info, run.planned)
        for block in run.blocks:
            opened.append(run.info.id, with_proof(block))


@pytest.mark.slow
def test_a_stored_ladder_in_each_form(home: Path) -> None:
    store(home, ladders.RUNGS)
    code, out, _ = mobilebench("explain last --model mobilenet_v2")
    assert code == 0
    assert "threads: ONNX Runtime, native, 1 thread" in out
    code, out, _ = mobilebench("explain --format markdown")
    assert code == 0
    assert out.startswith("# ") and "| threads" in out
    code, out, _ = mobilebench("explain last --json")
    (found,) = json.loads(out)["ladders"]
    assert (code, found["model"], found["ladders"][0]["web"]) == (0, "mobilenet_v2", "ortjs")


def test_without_a_ladder_it_is_bad_input(home: Path) -> None:
    store(home, {ladders.NATIVE: 1.0})
    code, out, err = mobilebench("explain last")
    assert (code, out) == (2, "")
    assert "--suite ladder" in err
