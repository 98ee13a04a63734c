"""The whole of a verification, with engines that answer as they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mobilebench.core.errors import BadInput, BlockFailed, MobilebenchError, Unsupported
from mobilebench.models import obtain, registry
from mobilebench.models.manifest import ModelFiles
from mobilebench.models.synthetic_inputs import SEEDED
from mobilebench.verification import answer_cache, outputs, verifier
from mobilebench.verification.records import Cell, ModelMatrix, OutputFacts, ReferenceFacts
from mobilebench.verification.verifier import Begun, Ended, Request
from tests.pinning import Pinned
from tests.verification.answers import HERE, manifest, summaries

NET = "mobilenet_v2"
"""A name that the registry knows; nothing of the model itself is used."""
ONLY = ("ortjs", "tfjs")


class Engines:
    """Answers for engines, and counts what is asked of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []
        self.references = 0
        self.macs = 1_000
        self.weights = "seeded"
        self.behave: Callable[[Cell], dict[str, Any]] = lambda cell: {}
        self.changes: dict[str, Any] = {}
        self.facts = OutputFacts(name="logits", scale=3.0, least_change=0.4)
        monkeypatch.setattr(obtain, "ensure", self.ensure)
        monkeypatch.setattr(registry, "why_not", lambda model, precision="fp32": None)
        monkeypatch.setattr(outputs, "compute_reference", self.reference)
        monkeypatch.setattr(outputs, "reference_facts", self.reference_facts)
        monkeypatch.setattr(outputs, "of_blocks", self.answers)
        monkeypatch.setattr(verifier, "in_use", lambda files: nullcontext())
        monkeypatch.setattr(outputs, "why_no_reference", lambda manifest: None)
        monkeypatch.setattr(answer_cache, "cell_key", lambda cell, here, inputs: f"{cell.key} {inputs} {self.weights}")
        monkeypatch.setattr(answer_cache, "reference_key", lambda manifest: "now")

    def ensure(self, model: str, precision: str, batch: int, progress: Any) -> ModelFiles:
        made = manifest(precision).model_copy(update={"model": model, **self.changes})
        return ModelFiles(self.folder, made)

    def reference(self, base: ModelFiles, keep: Path, cancel: Event) -> outputs.Reference:
        self.references += 1
        told = summaries()
        return outputs.Reference(told, told["published"], (self.facts,), 4096, keep)

    def reference_facts(self, base: ModelFiles, answers: Any, stamp: str, cancel: Event) -> ReferenceFacts:
        return ReferenceFacts(engine="tensorflow", version="2", stamp=stamp, outputs=[self.facts], macs=self.macs)

    def answers(
        self,
        cell: Cell,
        files: ModelFiles,
        here: Any,
        inputs: Sequence[str],
        samples: int,
        cancel: Event,
        begun: Callable[[str], None],
    ) -> outputs.BlockOutputs:
        self.asked.append((cell.precision, cell.key, tuple(inputs)))
        wanted = self.behave(cell)
        if "error" in wanted:
            raise wanted["error"]
        told = summaries(**wanted)
        return outputs.BlockOutputs("1.0", {name: told[name] for name in inputs})


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engines:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    return Engines(tmp_path, monkeypatch)


def verify(cancel: Event | None = None, tell: Any = lambda event: None, **wanted: Any) -> ModelMatrix:
    request = Request(models=(NET,), **{"precisions": ("fp32",), "engines": ONLY, **wanted})
    (matrix,) = verifier.verify(request, HERE, tell, cancel or Event())
    return matrix


def test_every_cell_is_asked_on_every_input_and_passes(engines: Engines) -> None:
    matrix = verify()
    assert matrix.passes
    assert [inputs for _, _, inputs in engines.asked] == [SEEDED] * 3
    assert {(row.verdict, row.before) for row in matrix.cells} == {("pass", False)}
    assert engines.references == 1


def test_what_is_known_from_before_is_not_asked_again(engines: Engines) -> None:
    verify()
    asked = len(engines.asked)
    matrix = verify()
    assert len(engines.asked) == asked
    assert engines.references == 1
    assert {(row.verdict, row.before) for row in matrix.cells} == {("pass", True)}
    assert verify(again=True).passes
    assert len(engines.asked) == 2 * asked


def test_another_engine_or_other_files_are_asked_anew(engines: Engines) -> None:
    verify()
    engines.weights = "another version"
    assert not any(row.before for row in verify().cells)
    entry = engines.ensure(NET, "fp32", 1, None).manifest.formats["onnx"]
    engines.changes = {"parameters": 2}
    assert all(row.before for row in verify().cells)
    made = engines.ensure(NET, "fp32", 1, None).manifest
    engines.changes = {"formats": {**made.formats, "onnx": entry.model_copy(update={"sha256": "other"})}}
    assert not any(row.before for row in verify().cells)


def test_a_killed_verification_goes_on_where_it_was(engines: Engines) -> None:
    cancel = Event()

    def stop(event: object) -> None:
        if isinstance(event, Ended) and event.number == 2:
            cancel.set()

    with pytest.raises(verifier.Stopped):
        verify(cancel, stop)
    assert len(engines.asked) == 2
    assert [row.before for row in verify().cells] == [True, True, False]
    assert len(engines.asked) == 3


def test_a_cell_that_the_stop_cut_short_is_not_told_as_failed(engines: Engines) -> None:
    cancel = Event()

    def behave(cell: Cell) -> dict[str, Any]:
        cancel.set()
        return {"error": BlockFailed("It was cancelled.")}

    engines.behave = behave
    told: list[object] = []
    with pytest.raises(verifier.Stopped):
        verify(cancel, told.append)
    assert not any(isinstance(event, Ended) for event in told)
    engines.behave = lambda cell: {}
    assert verify().passes


def test_wrong_samples_fail_and_only_there(engines: Engines) -> None:
    engines.behave = lambda cell: {"offset": 0.3} if cell.engine == "ortjs" else {}
    matrix = verify()
    assert not matrix.passes
    assert {(row.cell.engine, row.verdict) for row in matrix.cells} == {("ortjs", "FAIL"), ("tfjs", "pass")}
    (wrong,) = (row for row in matrix.cells if row.verdict == "FAIL")
    assert wrong.absolute == pytest.approx(0.3, rel=1e-4)


def test_a_verdict_from_before_follows_the_tolerance_of_now(engines: Engines) -> None:
    engines.behave = lambda cell: {"offset": 0.003}
    engines.changes = {"tolerance": 1e-2}
    assert verify().passes
    asked = len(engines.asked)
    engines.changes = {"tolerance": 1e-5}
    assert {(row.verdict, row.before) for row in verify().cells} == {("FAIL", True)}
    assert len(engines.asked) == asked


def test_refusals_are_unsupported_and_breakdowns_are_tried_again(engines: Engines) -> None:
    def behave(cell: Cell) -> dict[str, Any]:
        if cell.engine == "ortjs":
            return {"error": Unsupported("no kernel for Erfc")}
        return {"error": BlockFailed("The page crashed.")} if cell.backend == "webgl" else {}

    engines.behave = behave
    rows = {row.cell.key: row for row in verify().cells}
    refused, broken = rows["onnx/ortjs/wasm/simd-threads"], rows["tfjs/tfjs/webgl/software"]
    assert (refused.verdict, refused.reason) == ("unsupported", "no kernel for Erfc")
    assert (broken.verdict, broken.reason) == ("failed", "The page crashed.")
    engines.asked.clear()
    engines.behave = lambda cell: {}
    assert verify().cells[-1].verdict == "pass"
    assert [key for _, key, _ in engines.asked] == ["tfjs/tfjs/webgl/software"]


def test_a_heavy_model_gets_one_input_on_a_gpu_that_the_cpu_imitates(engines: Engines) -> None:
    engines.macs = 15_000_000_000
    matrix = verify()
    assert matrix.passes
    inputs = {key: inputs for _, key, inputs in engines.asked}
    assert inputs["tfjs/tfjs/webgl/software"] == ("published",)
    assert inputs["tfjs/tfjs/wasm/simd"] == SEEDED
    assert any("one seeded input only" in note for note in matrix.notes)


def test_constant_outputs_cannot_pass_even_where_all_engines_agree(engines: Engines) -> None:
    engines.facts = OutputFacts(name="logits", scale=3, least_change=0.0, complaint="Output `logits` is constant.")
    matrix = verify()
    assert {row.verdict for row in matrix.cells} == {"pass"}
    assert not matrix.passes
    assert matrix.complaints == ["Output `logits` is constant."]


def test_a_reference_that_cannot_be_had_is_said_once(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> Any:
        raise BlockFailed("The process crashed (SIGSEGV).")

    monkeypatch.setattr(outputs, "compute_reference", crash)
    matrix = verify()
    assert not matrix.passes
    assert matrix.cells == []
    assert matrix.complaints == ["The reference is not known: tensorflow: The process crashed (SIGSEGV)."]


def test_a_reference_that_is_refused_makes_no_cell_unsupported(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify()

    def refuse(*_: object) -> Any:
        raise Unsupported("no such operator")

    monkeypatch.setattr(outputs, "compute_reference", refuse)
    engines.weights = "another version"
    assert {row.verdict for row in verify().cells} == {"failed"}


def test_without_the_reference_engine_the_stored_answer_is_what_there_is(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setattr(outputs, "why_no_reference", lambda manifest: "the package tensorflow is not installed")
    monkeypatch.setattr(outputs, "stored_reference", lambda manifest: stored_summaries())
    matrix = verify()
    assert matrix.passes
    assert matrix.reference is None
    pinned(matrix.notes[0])
    answered = matrix.cells[0].answered
    assert answered is not None
    assert [one.seeded for one in answered.differences] == ["published"]
    assert matrix.cells[0].told_apart is not None
    engines.behave = lambda cell: {"swap": {"published": "upper"}}
    assert not verify(again=True).passes


def stored_summaries() -> outputs.Reference:
    told = summaries()["published"]
    return outputs.Reference({"published": told}, told, (), 4096, None)


def test_a_precision_that_cannot_be_built_does_not_stop_the_others(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ensure(model: str, precision: str, batch: int, progress: Any) -> ModelFiles:
        if precision == "int8":
            raise MobilebenchError("Building it failed.")
        return engines.ensure(model, precision, batch, progress)

    monkeypatch.setattr(obtain, "ensure", ensure)
    matrix = verify(precisions=("fp32", "int8"))
    assert {row.cell.precision for row in matrix.cells} == {"fp32"}
    assert matrix.complaints == ["int8 is not available: Building it failed."]


def test_progress_names_each_cell_and_its_end(engines: Engines) -> None:
    told: list[object] = []
    verify(tell=told.append)
    begun = [event for event in told if isinstance(event, Begun)]
    ended = [event for event in told if isinstance(event, Ended)]
    assert [(event.number, event.of) for event in ended] == [(1, 3), (2, 3), (3, 3)]
    assert {event.cell.key for event in begun} == {event.row.cell.key for event in ended}


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({"models": ("resnet18",)}, id="model"),
        pytest.param({"engines": ("caffe",)}, id="engine"),
        pytest.param({"backends": ("cuda",)}, id="backend"),
        pytest.param({"inputs": ("random",)}, id="input"),
        pytest.param({"precisions": ("fp8",)}, id="precision"),
    ],
)
def test_what_is_not_known_is_refused_before_anything_is_built(
    wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setattr(obtain, "ensure", lambda *_: pytest.fail("it was built"))
    with pinned.raises(BadInput):
        verifier.check(Request(**{"models": ("bert_small",), **wanted}))
