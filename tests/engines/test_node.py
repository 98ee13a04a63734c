"""WebAssembly in Node: what is refused, and a real block of each engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from mobilebench.core import paths
from mobilebench.core.agreement import disagreements
from mobilebench.core.axes import NODE, wasm_build_of
from mobilebench.core.errors import BadInput, BlockFailed
from mobilebench.core.records import MEASUREMENT_SCHEMA, Case, Proof
from mobilebench.engines import node
from mobilebench.engines.base import why_unsupported
from mobilebench.engines.registry import engines
from mobilebench.engines.web_engines import LITERTJS, ORTJS, TFJS, WebEngine
from mobilebench.models import obtain
from mobilebench.models.manifest import FormatFile, Manifest, ModelFiles
from mobilebench.models.registry import facts
from mobilebench.targets.host import HostTarget
from mobilebench.verdicts.rules import judge
from tests.engines.measuring import measured_by
from tests.engines.web_cases import SHORT, planned, target_info, web_case
from tests.results.making import measurement

HERE = target_info()


def case(engine: str, build: str, **changes: object) -> Case:
    return replace(web_case(engine, "wasm", build, browser=NODE), **changes)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def some_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, "v22.12.0")


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, printed: str, then: str = "") -> None:
    """Put a program in Node's place, which prints its version, or runs `then` if it is given a script."""
    program = folder / f"node-{printed or 'none'}"
    program.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{printed}"; exit; fi\n{then}\n')
    program.chmod(0o755)
    monkeypatch.setenv(node.PROGRAM, str(program))


@pytest.mark.parametrize(("engine", "build"), [(TFJS, "simd"), (TFJS, "plain"), (ORTJS, "simd-threads")])
def test_what_node_runs(engine: WebEngine, build: str) -> None:
    assert engine.supports(HERE, case(engine.name, build)) is None


@pytest.mark.parametrize(
    ("engine", "refused"),
    [
        (TFJS, case("tfjs", "simd-threads", threads=2)),
        (ORTJS, case("ortjs", "simd-threads", threads=2)),
        (LITERTJS, case("litertjs", "simd")),
        (engines()["ortjs@1.18"], case("ortjs@1.18", "simd")),
        (TFJS, replace(web_case("tfjs", "webgl", "software"), browser=NODE)),
        (TFJS, case("tfjs", "simd", isolation="none")),
        (TFJS, case("tfjs", "simd", link="4g")),
        (TFJS, case("tfjs", "simd", caches="warm")),
    ],
)
def test_what_node_does_not_run(engine: WebEngine, refused: Case) -> None:
    assert engine.supports(HERE, refused)
    assert engine.supports(HERE, replace(refused, browser="chrome")) != engine.supports(HERE, refused)


def test_a_phone_has_no_node() -> None:
    reason = TFJS.supports(target_info(id="serial", kind="android"), case("tfjs", "simd"))
    assert reason is not None and "phone" in reason


def test_only_times_are_recorded() -> None:
    timing = planned(case("tfjs", "simd"))
    assert why_unsupported(TFJS, HERE, timing) is None
    assert why_unsupported(TFJS, HERE, timing.model_copy(update={"pass_": "kernels"})) is not None


@pytest.mark.parametrize(
    ("version", "usable"),
    [("v20.19.0", True), ("v22.12.1", True), ("v24.0.0", True), ("v20.18.3", False), ("v21.7.3", False), ("", False)],
)
def test_versions(version: str, usable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, version)
    assert (node.program() is not None) is usable
    assert (TFJS.supports(HERE, case("tfjs", "simd")) is None) is usable


def test_node_is_started_by_a_shell() -> None:
    block = planned(case("tfjs", "simd"))
    assert block.context == "shell"
    assert planned(web_case("tfjs", "wasm", "simd")).context == "browser"


class TestVerdict:
    def codes(self, **proof: object) -> list[str]:
        shown: dict[str, object] = {
            "backend": "wasm",
            "threads": 1,
            "threads_at_work": 1,
            "files": [{"name": "frameworks/tfjs/tfjs-backend-wasm-simd.wasm"}],
            "simd": True,
            "clock_resolution_ms": 1e-6,
            "environment": {"node": "20.20.2"},
        }
        made = measurement().model_copy(
            update={"engine": "tfjs", "proof": Proof.model_validate({**shown, **proof}), "version": "4.22.0"}
        )
        found = judge(planned(case("tfjs", "simd")), made, HERE, None)
        return [code for code in found.codes if not code.startswith(("unproven-answer", "too-few-predictions"))]

    def test_nothing_is_asked_that_only_a_page_has(self) -> None:
        assert self.codes() == []

    def test_the_binary_the_threads_and_the_version_are(self) -> None:
        assert self.codes(environment={}) == ["unproven-node"]
        assert self.codes(threads_at_work=2) == ["too-many-threads"]
        assert self.codes(files=[{"name": "frameworks/tfjs/tfjs-backend-wasm.wasm"}]) == ["wrong-wasm-build"]


class TestAnswer:
    @pytest.mark.parametrize(
        "then",
        [
            "echo hello",
            "exit 1",
            "true",
            f"""echo '{{"schema": "{MEASUREMENT_SCHEMA}", "status": "ok", "engine": "ortjs"}}'""",
        ],
    )
    def test_anything_else_than_a_measurement_fails(
        self, then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: HostTarget
    ) -> None:
        fake(tmp_path, monkeypatch, "v22.12.0", then)
        (tmp_path / "node.mjs").touch()
        (tmp_path / "model.json").write_text("{}")
        monkeypatch.setattr(paths, "web_pages", lambda: tmp_path)
        with pytest.raises(BlockFailed):
            measured_by(TFJS, target, planned(case("tfjs", "simd")), model_in(tmp_path), cancel=Event())

    def test_pages_that_were_not_built_are_bad_input(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: HostTarget
    ) -> None:
        monkeypatch.setattr(paths, "web_pages", lambda: tmp_path)
        with pytest.raises(BadInput):
            TFJS.prepare(target, planned(case("tfjs", "simd")), model_in(tmp_path))


def model_in(folder: Path) -> ModelFiles:
    """A model without inputs and outputs in this folder."""
    manifest = Manifest(
        model="bert_small",
        precision="fp32",
        batch=1,
        weights="seeded",
        seed=0,
        inputs=[],
        outputs=[],
        formats={"tfjs": FormatFile(path="model.json", sha256="0" * 64, bytes=2, inputs={}, outputs={})},
        reference=[],
        tolerance=1e-4,
        parameters=1,
        built_with={},
    )
    return ModelFiles(folder, manifest)


@pytest.mark.build
@pytest.mark.slow
@pytest.mark.parametrize(("engine", "build"), [(TFJS, "simd"), (TFJS, "plain"), (ORTJS, "simd-threads")])
def test_a_real_block_is_right_and_proven(
    engine: WebEngine, build: str, target: HostTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(node.PROGRAM)
    if node.program() is None:
        pytest.skip(node.why_missing())
    files = obtain.find("bert_small", "fp32", 1) or obtain.ensure("bert_small")
    block = planned(case(engine.name, build), SHORT)
    found = measured_by(engine, target, block, files, cancel=Event()).measurement
    assert list(found.setup_ms) == ["framework_init", "model_read", "model_init"]
    assert not disagreements(files.manifest.reference, found.output, files.manifest.tolerance)
    binaries = [file for file in found.proof.files if file.name.endswith(".wasm")]
    assert [wasm_build_of(file.name) for file in binaries] == [build]
    assert found.proof.environment["node"] == node.version(str(node.program()))
    assert found.proof.browser_version is None
    verdict = judge(block, found, target.info, facts(files.manifest))
    assert verdict.status == "valid", verdict.sentences
