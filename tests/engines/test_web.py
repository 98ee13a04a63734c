"""What web engines refuse, what they tell a page, and what they believe of its answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.browsers import chrome, firefox
from mobilebench.core.axes import GPUS
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import MEASUREMENT_SCHEMA, BlockRule, Measurement
from mobilebench.engines import page_answer, web
from mobilebench.engines.registry import engines
from mobilebench.engines.web_engines import LITERTJS, ORTJS, ORTJS_1_14, ORTJS_1_18, TFJS, TFJS_4_2, WebEngine
from mobilebench.models.manifest import (
    AddedManifest,
    Behaviour,
    Fill,
    Format,
    FormatFile,
    InputSpec,
    Manifest,
    ModelFiles,
)
from mobilebench.models.synthetic_inputs import MOST_SAMPLES
from mobilebench.targets.base import BrowserHandle
from tests.engines.web_cases import planned, target_info, web_case
from tests.pinning import Pinned

WEB_ENGINES = [one for one in engines().values() if isinstance(one, WebEngine)]


def web_engine(name: str) -> WebEngine:
    return next(one for one in WEB_ENGINES if one.name == name)


def answer(**changes: Any) -> str:
    good = {
        "schema": MEASUREMENT_SCHEMA,
        "status": "ok",
        "engine": "tfjs",
        "warmup_ms": [9.5],
        "prediction_ms": [1.5, 1.25],
    }
    return json.dumps({**good, **changes})


class TestSupports:
    @pytest.mark.parametrize(
        ("engine", "backend", "choice", "threads"),
        [
            (TFJS, "wasm", "plain", 1),
            (TFJS, "wasm", "simd", 1),
            (TFJS, "wasm", "simd-threads", 2),
            (TFJS, "webgl", "software", 1),
            (ORTJS, "wasm", "simd-threads", 4),
            (TFJS, "webgpu", "software", 1),
            (TFJS, "js", "", 1),
            (TFJS_4_2, "wasm", "simd-threads", 2),
            (ORTJS, "webgpu", "software", 1),
            (ORTJS, "webgl", "software", 1),
            (ORTJS, "webnn", "npu", 1),
            (ORTJS_1_18, "wasm", "plain", 1),
            (ORTJS_1_18, "wasm", "simd", 1),
            (ORTJS_1_18, "wasm", "threads", 2),
            (ORTJS_1_14, "wasm", "simd-threads", 2),
            (LITERTJS, "wasm", "simd", 1),
            (LITERTJS, "wasm", "relaxed-simd", 1),
            (LITERTJS, "wasm", "relaxed-simd-threads", 4),
            (LITERTJS, "webgpu", "software", 1),
        ],
    )
    def test_what_it_can_run(self, engine: Any, backend: str, choice: str, threads: int) -> None:
        assert engine.supports(target_info(), web_case(engine.name, backend, choice, threads)) is None

    def test_a_target_without_chrome(self, pinned: Pinned) -> None:
        reason = TFJS.supports(target_info(id="R58M", kind="android", browsers={}), web_case("tfjs", "wasm", "simd"))
        pinned(reason)

    @pytest.mark.parametrize(
        ("browser", "browsers", "kind", "reason"),
        [
            (
                "firefox",
                {"chrome": "1"},
                "host",
                "there is no Firefox on host (install it, or name its program in MOBILEBENCH_FIREFOX)",
            ),
            (
                "chrome@beta",
                {"chrome": "1"},
                "host",
                "there is no chrome@beta on host (name its program: --browser-path chrome@beta=PATH)",
            ),
            ("opera", {"opera": "1"}, "host", "there is no browser opera"),
            ("firefox", {"firefox": "1"}, "android", None),
            ("firefox@nightly", {"firefox": "1"}, "android", "there is no firefox@nightly on"),
            ("firefox", {"firefox": "1"}, "host", None),
            ("chrome@beta", {"chrome@beta": "1"}, "android", None),
        ],
    )
    def test_other_browsers(self, browser: str, browsers: dict[str, str], kind: str, reason: str | None) -> None:
        case = replace(web_case("tfjs", "wasm", "simd"), browser=browser)
        found = TFJS.supports(target_info(kind=kind, browsers=browsers), case)
        assert found == reason if reason is None else (found or "").startswith(reason)

    @pytest.mark.parametrize(
        ("engine", "backend", "choice", "threads", "words"),
        [
            (TFJS, "webnn", "gpu", 1, "no backend webnn (it has wasm, webgl, webgpu, js)"),
            (TFJS, "wasm", "relaxed-simd", 1, "no wasm build relaxed-simd (it has simd-threads, simd, plain"),
            (TFJS, "wasm", "threads", 2, "no build with threads and without SIMD"),
            (TFJS, "wasm", "simd", 2, "runs on one thread"),
            (TFJS, "wasm", "plain", 2, "runs on one thread"),
            (TFJS, "wasm", "simd-threads", 9, "at most 8 threads"),
            (TFJS, "webgl", "software", 2, "runs on one thread"),
            (TFJS, "js", "", 2, "runs on one thread"),
            (TFJS_4_2, "webgpu", "software", 1, "first released with TensorFlow.js 4.6"),
            (ORTJS, "wasm", "simd", 1, "since 1.19; ortjs@1.18 has this one"),
            (ORTJS, "wasm", "threads", 2, "since 1.19; ortjs@1.18 has this one"),
            (ORTJS_1_18, "wasm", "simd-threads", 1, "with one thread, ONNX Runtime Web 1.18 loads the build simd"),
            (ORTJS_1_14, "wasm", "threads", 1, "with one thread, ONNX Runtime Web 1.14 loads the build plain"),
            (ORTJS_1_18, "webgpu", "software", 1, "WebGPU is not in the pages of this release"),
            (ORTJS_1_14, "webnn", "cpu", 1, "WebNN is not in the pages of this release"),
            (LITERTJS, "wasm", "simd-threads", 2, "no build with threads and without relaxed SIMD"),
            (LITERTJS, "wasm", "plain", 1, "no build without SIMD"),
            (LITERTJS, "wasm", "relaxed-simd", 2, "runs on one thread"),
            (LITERTJS, "wasm", "simd", 2, "runs on one thread"),
            (LITERTJS, "webgl", "hardware", 1, "no backend webgl"),
        ],
    )
    def test_what_it_does_not_have(self, engine: Any, backend: str, choice: str, threads: int, words: str) -> None:
        assert words in engine.supports(target_info(), web_case(engine.name, backend, choice, threads))

    def test_a_browser_that_cannot_be_used_has_a_reason(self) -> None:
        case = web_case("tfjs", "wasm", "simd")
        phone = {"id": "R58M", "kind": "android", "browsers": {}}
        disabled = target_info(**phone, unusable_browsers={"chrome": "Chrome is disabled on this phone"})
        assert TFJS.supports(disabled, case) == "Chrome is disabled on this phone (R58M)"
        silent = target_info(**phone, unknown={"browsers": "the phone did not answer within 10 s (dumpsys package)"})
        assert TFJS.supports(silent, case) == (
            "it is not known whether Chrome is on R58M: the phone did not answer within 10 s (dumpsys package)"
        )

    def test_hardware_needs_a_gpu(self, pinned: Pinned) -> None:
        case = web_case("tfjs", "webgl", "hardware")
        pinned(TFJS.supports(target_info(gpu_software=True), case) or "")
        pinned(TFJS.supports(target_info(gpu=None, gpu_software=None), case) or "")
        assert TFJS.supports(target_info(gpu="NVIDIA", gpu_software=False), case) is None
        assert TFJS.supports(target_info(kind="android", gpu=None, gpu_software=None), case) is None

    @pytest.mark.parametrize("choice", ["integrated", "discrete"])
    def test_one_of_two_gpus_needs_a_computer_with_gpus(self, choice: str, pinned: Pinned) -> None:
        case = web_case("tfjs", "webgl", choice)
        pinned(TFJS.supports(target_info(kind="android"), case) or "")
        pinned(TFJS.supports(target_info(gpu_software=True), case) or "")
        assert TFJS.supports(target_info(gpu="two of them", gpu_software=False), case) is None

    def test_software_is_what_a_phone_has_or_is_unsupported(self, pinned: Pinned) -> None:
        for engine, backend in ((TFJS, "webgl"), (ORTJS, "webgpu"), (LITERTJS, "webgpu")):
            case = web_case(engine.name, backend, "software")
            for gpu in (False, None):
                reason = engine.supports(target_info(kind="android", gpu_software=gpu), case)
                pinned(reason or "")
            assert engine.supports(target_info(kind="android", gpu_software=True), case) is None


class TestParseAnswer:
    case = web_case("tfjs", "wasm", "simd")

    def test_a_measurement_is_taken(self) -> None:
        measurement = page_answer.parse_answer(answer(), self.case)
        assert measurement.prediction_ms == [1.5, 1.25]

    def test_unsupported_is_an_outcome_with_its_reason(self, pinned: Pinned) -> None:
        text = answer(status="unsupported", reason="Kernel 'Einsum' not registered", warmup_ms=[], prediction_ms=[])
        with pinned.raises(Unsupported):
            page_answer.parse_answer(text, self.case)

    def test_an_error_fails_the_block_with_its_reason(self, pinned: Pinned) -> None:
        with pinned.raises(BlockFailed):
            page_answer.parse_answer(answer(status="error", reason="out of memory"), self.case)

    @pytest.mark.parametrize(
        "text",
        [
            None,
            42,
            pytest.param("x" * (page_answer.ANSWER_LIMIT + 1), id="too long"),
            "",
            "[]",
            answer(surprise=1),
            answer(prediction_ms=[-1]),
            answer(prediction_ms=["fast"]),
            answer(prediction_ms=[float("nan")]),
            answer(warmup_ms=[float("inf")]),
            answer(prediction_ms=[None]),
            answer(schema="mobilebench/measurement/9"),
            answer(setup_ms={"coffee": 1}),
            answer(prediction_ms=[]),
            answer(warmup_ms=[]),
            answer(engine="ortjs"),
        ],
    )
    def test_anything_else_fails_the_block(self, text: Any, pinned: Pinned) -> None:
        with pinned.raises(BlockFailed):
            page_answer.parse_answer(text, self.case)

    @given(st.text() | st.none() | st.integers() | st.dictionaries(st.text(), st.integers()).map(json.dumps))
    def test_no_answer_breaks_it(self, text: Any) -> None:
        with pytest.raises((BlockFailed, Unsupported)):
            page_answer.parse_answer(text, self.case)


def test_what_the_processor_does_for_a_gpu_is_waited_for_longer() -> None:
    hardware, software = (
        TFJS.page_case(target_info(), web_case("tfjs", "webgl", choice)) for choice in ("hardware", "software")
    )
    assert software.patience > hardware.patience


def test_patience_grows_with_what_the_rule_asks_for() -> None:
    quick = web.patience_s(BlockRule(), 120)
    assert quick >= 120 + 3 * 10
    assert web.patience_s(BlockRule(max_seconds=600), 120) >= quick + 600


def test_gpu_flags_are_only_for_a_browser_that_is_started_here() -> None:
    software, hardware = web_case("tfjs", "webgl", "software"), web_case("tfjs", "webgl", "hardware")
    assert web.flags(target_info(), software, uses_gpu=True) == chrome.SOFTWARE_GPU
    assert web.flags(target_info(), hardware, uses_gpu=True) == chrome.HARDWARE_GPU
    for name in ("firefox", "firefox@nightly"):
        case = replace(software, browser=name)
        assert web.flags(target_info(), case, uses_gpu=True) == firefox.SOFTWARE_GPU
    assert web.flags(target_info(kind="android"), hardware, uses_gpu=True) == ()
    assert web.flags(target_info(), web_case("tfjs", "wasm", "simd"), uses_gpu=False) == ()
    assert web.flags(target_info(), web_case("ortjs", "webnn", "cpu"), uses_gpu=False) == chrome.WEBNN


class TestReleases:
    def test_each_is_listed_under_its_name(self) -> None:
        assert [engine.name for engine in WEB_ENGINES] == [
            "tfjs", "tfjs@4.2", "ortjs", "ortjs@1.18", "ortjs@1.14", "litertjs",
        ]  # fmt: skip
        for name, engine in engines().items():
            assert engine.name == name

    @pytest.mark.parametrize("engine", WEB_ENGINES, ids=lambda engine: engine.name)
    def test_an_older_one_is_named_by_its_version(self, engine: WebEngine) -> None:
        version = engine.name.partition("@")[2]
        assert engine.release == version or not version
        assert engine.release in engine.description

    @pytest.mark.parametrize("engine", WEB_ENGINES, ids=lambda engine: engine.name)
    def test_every_choice_is_available_or_listed_as_lacking(self, engine: WebEngine) -> None:
        gpu = target_info(gpu="two of them", gpu_software=False)
        for backend in engine.backends:
            choices = next(iter(backend.axes.values()), ("",))
            assert set(backend.lacks) <= set(choices)
            for choice in choices:
                threads = 1 if backend.on_one_thread(choice) else 2
                reason = engine.supports(gpu, web_case(engine.name, backend.name, choice, threads))
                assert reason == (backend.missing or backend.lacks.get(choice))
            if backend.uses_gpu:
                assert backend.axes == {"gpu": GPUS}


class TestModelFiles:
    def files(self, folder: Path) -> ModelFiles:
        entry = FormatFile(
            path="tfjs/model.json",
            sha256="0" * 64,
            bytes=2,
            parts={"tfjs/group1-shard1of1.bin": "0" * 64},
            inputs={"ids": "ids:0"},
            outputs={"answer": "Identity"},
        )
        manifest = Manifest(
            model="tiny",
            precision="fp32",
            batch=1,
            weights="seeded",
            seed=1,
            inputs=[
                InputSpec(name="ids", dtype="int32", shape=[1, 2], fill=Fill(kind="integers", low=0, high=9)),
            ],
            outputs=["answer"],
            formats={"tfjs": entry},
            reference=[],
            tolerance=1e-4,
            parameters=1,
            built_with={},
        )
        return ModelFiles(folder, manifest)

    def test_a_model_without_the_format_is_unsupported(self, tmp_path: Path, pinned: Pinned) -> None:
        with pinned.raises(Unsupported):
            ORTJS.prepare(FakeTarget(), planned(web_case("ortjs", "wasm", "simd-threads")), self.files(tmp_path))

    def test_a_missing_shard_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "tfjs").mkdir()
        (tmp_path / "tfjs" / "model.json").write_text("{}")
        with pytest.raises(BlockFailed, match=r"group1-shard1of1\.bin"):
            TFJS.prepare(FakeTarget(), planned(web_case("tfjs", "wasm", "simd")), self.files(tmp_path))

    def test_the_job_has_names_types_and_paths(self, tmp_path: Path) -> None:
        files = self.files(tmp_path)
        job = web.page_job(planned(web_case("tfjs", "wasm", "simd")), files, files.manifest.formats["tfjs"])
        model = job.model_dump()["model"]
        assert model["file"] == "model/tfjs/model.json"
        assert model["parts"] == {"group1-shard1of1.bin": "model/tfjs/group1-shard1of1.bin"}
        assert model["inputs"] == [
            {
                "name": "ids",
                "format_name": "ids:0",
                "dtype": "int32",
                "shape": [1, 2],
                "fill": {"kind": "integers", "low": 0, "high": 9},
                "position": 0,
            }
        ]

    @pytest.mark.parametrize("samples", [1, 64, 65536])
    def test_the_job_has_the_number_of_samples(self, tmp_path: Path, samples: int) -> None:
        files = self.files(tmp_path)
        block, entry = planned(web_case("tfjs", "wasm", "simd")), files.manifest.formats["tfjs"]
        assert web.page_job(block, files, entry, samples).samples == samples
        assert web.page_job(block, files, entry).samples == 64
        stateful = AddedManifest(**files.manifest.model_dump(), behaviour=Behaviour(stateful=True))
        assert web.page_job(block, ModelFiles(files.folder, stateful), entry).answer == "first"
        assert web.page_job(block, files, entry).answer == "last"


@pytest.mark.slow
def test_an_answer_with_the_most_samples_fits() -> None:
    values = [-1.1754943508222875e-38] * MOST_SAMPLES
    sample = {"index": list(range(100_000_000, 100_000_000 + MOST_SAMPLES)), "value": values}
    one = {"name": "y", "shape": [100_000_000], "l1": 1, "l2": 1, "max": 1, "digest": "811c9dc5", "sample": sample}
    text = json.dumps(json.loads(answer(output=[one] * 8)), separators=(",", ":"))
    assert len(text) <= page_answer.ANSWER_LIMIT
    assert len(page_answer.parse_answer(text, web_case("tfjs", "wasm", "simd")).output) == 8


class FakeTarget:
    info = target_info()


def test_a_measurement_of_a_page_cannot_name_files_that_were_not_served() -> None:
    claimed = Measurement.model_validate_json(
        answer(proof={"files": [{"name": "tfjs-backend-wasm-simd.wasm", "sha256": "0" * 64, "bytes": 9}]})
    )
    handle = BrowserHandle("chrome", "156.0.8078.79", "http://127.0.0.1:1", ("--headless",))
    completed = page_answer.complete(claimed, handle, [], cores_overridden=True)
    assert [file.name for file in completed.proof.files] == ["a WebAssembly binary that was not served"]
    assert completed.proof.hardware_concurrency_overridden is True
    assert completed.proof.browser_version == "156.0.8078.79"
    assert completed.proof.flags == ["--headless"]


def files(folder: Path, own: Format, dtype: str = "float32", *, is_open: bool = False) -> ModelFiles:
    entry = FormatFile(
        path="net", sha256="0", bytes=1, inputs={"x": "x"}, outputs={"y": "y"}, open_inputs=["x"] if is_open else []
    )
    fill = Fill(kind="uniform", low=0, high=1)
    manifest = Manifest(
        source="added",
        model="net",
        precision="fp32",
        batch=1,
        weights="added: 0",
        seed=None,
        inputs=[InputSpec.model_validate({"name": "x", "dtype": dtype, "shape": [1, 4], "fill": fill.model_dump()})],
        outputs=["y"],
        formats={own: entry},
        reference=[],
        tolerance=1e-4,
        parameters=1,
        built_with={},
    )
    (folder / "net").write_bytes(b"net")
    return ModelFiles(folder, manifest)


@pytest.mark.parametrize(
    ("engine", "own", "dtype", "is_open", "says"),
    [
        ("litertjs", "tflite", "float32", True, "takes no model with open sizes (input x of net)"),
        ("litertjs", "tflite", "int64", False, "LiteRT.js has no int64 tensors"),
        ("litertjs", "tflite", "bool", False, "LiteRT.js has no bool tensors"),
        ("tfjs@4.2", "tfjs", "uint8", False, "TensorFlow.js has no uint8 tensors"),
    ],
)
def test_a_model_that_an_engine_cannot_run_has_a_reason(
    tmp_path: Path, engine: str, own: Format, dtype: str, is_open: bool, says: str
) -> None:
    assert says in str(web_engine(engine).why_not_model(files(tmp_path, own, dtype, is_open=is_open)))


@pytest.mark.parametrize(
    ("engine", "own", "dtype", "is_open"),
    [("litertjs", "tflite", "float32", False), ("tfjs", "tfjs", "float32", True), ("ortjs", "onnx", "int64", True)],
)
def test_nothing_is_known_against_what_runs(
    tmp_path: Path, engine: str, own: Format, dtype: str, is_open: bool
) -> None:
    assert web_engine(engine).why_not_model(files(tmp_path, own, dtype, is_open=is_open)) is None


def test_the_engine_refuses_before_a_page_is_opened(tmp_path: Path, pinned: Pinned) -> None:
    case = web_case("litertjs", "wasm", "relaxed-simd")
    with pinned.raises(Unsupported):
        LITERTJS.prepare(FakeTarget(), planned(case), files(tmp_path, "tflite", is_open=True))


def test_an_output_that_litertjs_cannot_hand_over_is_reported(tmp_path: Path, pinned: Pinned) -> None:
    known = files(tmp_path, "tflite")
    given = AddedManifest(**known.manifest.model_dump(), output_dtypes={"y": "int64"})
    pinned(str(LITERTJS.why_not_model(ModelFiles(tmp_path, given))))
