"""A kernels pass is stored with what the model's file holds of each operator."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Block, GraphOperators, Measurement, Pass
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.recorders import registry
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, run

from ..results.making import host
from .fakes import FakeEngine, Seen, World, plan

GRAPH = [GraphOperators(operator="CONV_2D", count=35, parameters=2135456, macs=278777856)]


class _World(World):
    """Keeps which files were looked into."""

    graph: list[GraphOperators] | BadInput
    read: list[Format]

    def dependencies(self):  # type: ignore[no-untyped-def]
        return dataclasses.replace(super().dependencies(), with_graph=self._with_graph)

    def _with_graph(self, measurement: Measurement, files: ModelFiles, model_format: Format) -> Measurement:
        self.read.append(model_format)
        if isinstance(self.graph, BadInput):
            raise self.graph
        return measurement.model_copy(update={"graph": self.graph})


def _measure(folder: Path, of_pass: Pass, graph: list[GraphOperators] | BadInput) -> tuple[Block, list[Format]]:
    world = _World(engine=FakeEngine(format="tflite", report=lambda planned: {"pass": planned.pass_}))
    world.graph, world.read = graph, []
    wanted = plan(host(), rounds=1)
    blocks = tuple(block.model_copy(update={"pass_": of_pass}) for block in wanted.blocks)
    store = Store.open(folder)
    request = RunRequest(plan=dataclasses.replace(wanted, blocks=blocks), targets=(host(),), command=())
    run(request, store, on_event=Seen(), cancel=threading.Event(), dependencies=world.dependencies())
    (block,) = store.load("last").blocks
    store.close()
    return block, world.read


@pytest.fixture
def folder(tmp_path: Path, empty_store: Path) -> Path:
    shutil.copy(empty_store, tmp_path)
    return tmp_path


def test_a_kernels_pass_has_the_operators_of_the_engines_file(folder: Path) -> None:
    block, read = _measure(folder, "kernels", GRAPH)
    assert block.measurement is not None
    assert block.measurement.graph == GRAPH
    assert read == ["tflite"]


@pytest.mark.parametrize("of_pass", ["timing", "memory"])
def test_no_other_pass_looks_into_the_file(folder: Path, of_pass: Pass) -> None:
    block, read = _measure(folder, of_pass, GRAPH)
    assert block.outcome == "measured"
    assert read == []


def test_a_pass_looks_into_the_file_when_its_recorder_declares_that(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = registry.IN_ENGINE["memory"]
    declaration = dataclasses.replace(recorder.declaration, needs_file_operators=True)
    monkeypatch.setitem(registry.IN_ENGINE, "memory", dataclasses.replace(recorder, declaration=declaration))
    _, read = _measure(folder, "memory", GRAPH)
    assert read == ["tflite"]


def test_a_file_that_cannot_be_read_costs_a_note_and_no_block(folder: Path) -> None:
    block, _ = _measure(folder, "kernels", BadInput("net.tflite is damaged."))
    assert block.outcome == "measured"
    assert block.measurement is not None
    assert block.measurement.proof.notes == ["operators of the model's file are not known: net.tflite is damaged."]
