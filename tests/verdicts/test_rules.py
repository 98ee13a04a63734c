from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mobilebench.core.records import BlockRule, Case, PlannedBlock, Reason, TargetInfo, Verdict, VerdictStatus
from mobilebench.models.manifest import AddedManifest, Behaviour, Manifest
from mobilebench.models.registry import facts
from mobilebench.models.synthetic_inputs import summarise
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.rules import RULES_VERSION, judge
from tests.pinning import Pinned

from ..results.making import host, measurement

ANSWER = np.linspace(-1, 1, 10, dtype=np.float32).reshape(1, 10)
MANIFEST = Manifest(
    model="m",
    precision="fp32",
    batch=1,
    weights="seeded",
    seed=0,
    inputs=[],
    outputs=["logits"],
    formats={},
    reference=[summarise("logits", ANSWER)],
    tolerance=1e-4,
    parameters=1,
    built_with={},
)

NATIVE = {
    "backend": "cpu",
    "threads": 2,
    "threads_source": "CPU time",
    "thread_cpu_ms": [50.0, 48.0],
    "clock_resolution_ms": 1e-6,
    "delegates": [{"name": "TfLiteXNNPackDelegate", "nodes": 60}],
}
DOWNLOAD = {
    "name": "model.json",
    "bytes": 9,
    "decoded_bytes": 9,
    "start_ms": 0,
    "page_ms": 2,
    "from_cache": False,
    "server_bytes": 9,
    "server_ms": 1,
    "encoding": "identity",
}
PAGE = {
    "backend": "wasm",
    "threads": 2,
    "threads_at_work": 2,
    "threads_alive": 2,
    "files": [{"name": "binaries/tfjs-backend-wasm-threaded-simd.wasm"}],
    "clock_resolution_ms": 0.005,
    "browser_version": "156.0",
    "cross_origin_isolated": True,
    "visible": True,
    "downloads": [DOWNLOAD],
}
ON_GPU = {
    **PAGE,
    "backend": "webgl",
    "threads": None,
    "files": [],
    "renderer": "SwiftShader",
    "renderer_software": True,
}


def native(**proof: Any) -> Verdict:
    return verdict(tflite(), NATIVE | proof)


def page(build: str = "simd-threads", threads: int = 2, **proof: Any) -> Verdict:
    case = Case(
        target="host", engine="tfjs", backend="wasm", wasm_build=build, threads=threads, browser="chrome", model="m"
    )
    return verdict(case, PAGE | {"threads": threads, "threads_at_work": threads, "threads_alive": threads} | proof)


def on_gpu(gpu: str = "software", **proof: Any) -> Verdict:
    case = Case(target="host", engine="tfjs", backend="webgl", gpu=gpu, threads=1, browser="chrome", model="m")
    return verdict(case, ON_GPU | proof)


def verdict(
    case: Case,
    proof: dict[str, Any],
    target: TargetInfo | None = None,
    manifest: Manifest | None = MANIFEST,
    planned: PlannedBlock | None = None,
    **changes: Any,
) -> Verdict:
    reported = {"engine": case.engine, "output": [summarise("logits", ANSWER)], "proof": proof, **changes}
    planned = planned or PlannedBlock(index=0, round=0, case=case, rule=BlockRule())
    return judge(planned, measurement(**reported), target or host(), facts(manifest) if manifest else None)


def tflite(threads: int = 2) -> Case:
    return Case(
        target="host", engine="tflite", backend="cpu", delegate="xnnpack", arithmetic="fp32", threads=threads, model="m"
    )


VALID = Verdict(status="valid", rules=RULES_VERSION)


def judged_as(status: VerdictStatus, code: Code, sentence: str) -> Verdict:
    return Verdict(status=status, reasons=[Reason(code=code, sentence=sentence)], rules=RULES_VERSION)


def not_pure(**what: bool) -> AddedManifest:
    return AddedManifest(**MANIFEST.model_dump(), behaviour=Behaviour(**what))


def test_of_a_model_that_carries_state_the_first_answer_is_compared() -> None:
    said = "the model carries state from inference to inference: its first answer was compared"
    assert verdict(tflite(), NATIVE, manifest=not_pure(stateful=True)) == judged_as("valid", Code.STATEFUL_MODEL, said)
    later = verdict(tflite(), NATIVE, manifest=not_pure(stateful=True), output=[summarise("logits", ANSWER * 2)])
    assert later.status == "invalid"


def test_of_a_random_model_only_what_holds_of_any_answer_is_judged() -> None:
    said = "the model gives another answer each time: agreement cannot be checked"

    def random(output: Any, **what: bool) -> Verdict:
        manifest = not_pure(random=True, **what)
        return verdict(tflite(), NATIVE, manifest=manifest, output=[summarise("logits", output)])

    suspect = judged_as("suspect", Code.RANDOM_MODEL, said)
    assert random(ANSWER * 7) == suspect
    assert random(ANSWER * 7, stateful=True) == suspect
    assert random(ANSWER[:, :5]).status == "invalid"
    assert random(ANSWER[:, :5], sizes_vary=True) == suspect
    assert random(ANSWER[0], sizes_vary=True).status == "invalid"
    assert random(np.where(ANSWER > 0, np.nan, ANSWER)).sentences == [
        "wrong answer: output `logits` has 5 values that are not finite",
        said,
    ]
    assert verdict(tflite(), NATIVE, manifest=not_pure(random=True), output=[]).status == "invalid"


def test_downloads_of_a_page_are_judged() -> None:
    assert page(downloads=[DOWNLOAD | {"server_bytes": 8}]).status == "invalid"
    assert page(downloads=[]).sentences == ["proof is missing: what the page downloaded"]


def test_what_ran_as_asked_is_valid() -> None:
    assert native() == VALID
    assert page() == VALID
    assert on_gpu() == VALID
    assert on_gpu("hardware", renderer="Adreno", renderer_software=False) == VALID


@pytest.mark.parametrize(
    ("build", "threads", "file"),
    [
        ("plain", 1, "tfjs-backend-wasm.wasm"),
        ("simd", 1, "tfjs-backend-wasm-simd.wasm"),
        ("simd", 1, "binaries/tfjs-backend-wasm-simd-Bx3.wasm"),
        ("simd-threads", 2, "tfjs-backend-wasm-threaded-simd.wasm"),
        ("simd-threads", 2, "ort-wasm-simd-threaded.wasm"),
        ("plain", 1, "frameworks/ortjs-1.18/ort-wasm.wasm"),
        ("simd", 1, "frameworks/ortjs-1.18/ort-wasm-simd.wasm"),
        ("threads", 2, "frameworks/ortjs-1.14/ort-wasm-threaded.wasm"),
        ("simd", 1, "binaries/litert_wasm_compat_internal.wasm"),
        ("relaxed-simd", 1, "litert_wasm_internal.wasm"),
        ("relaxed-simd-threads", 2, "litert_wasm_threaded_internal.wasm"),
    ],
)
def test_the_wasm_file_that_belongs_to_the_build_is_valid(build: str, threads: int, file: str) -> None:
    assert page(build, threads, files=[{"name": file}]) == VALID


class TestInvalid:
    def only(self, found: Verdict, *says: str) -> None:
        assert found.status == "invalid"
        assert len(found.sentences) == 1
        for part in says:
            assert part in found.sentences[0]

    @pytest.mark.parametrize(
        ("build", "threads", "file"),
        [
            ("simd", 1, "tfjs-backend-wasm.wasm"),
            ("simd-threads", 2, "tfjs-backend-wasm.wasm"),
            ("simd-threads", 2, "tfjs-backend-wasm-simd.wasm"),
            ("plain", 1, "tfjs-backend-wasm-simd.wasm"),
            ("simd", 1, "tfjs-backend-wasm-threaded-simd.wasm"),
            ("simd", 1, "litert_wasm_internal.wasm"),
            ("simd", 1, "litert_wasm_jspi_internal.wasm"),
            ("relaxed-simd", 1, "litert_wasm_compat_internal.wasm"),
            ("relaxed-simd", 1, "litert_wasm_threaded_internal.wasm"),
            ("relaxed-simd-threads", 2, "litert_wasm_internal.wasm"),
            ("relaxed-simd-threads", 2, "ort-wasm-simd-threaded.wasm"),
            ("threads", 2, "ort-wasm-simd-threaded.wasm"),
            ("threads", 2, "ort-wasm.wasm"),
        ],
    )
    def test_another_wasm_file(self, build: str, threads: int, file: str) -> None:
        self.only(page(build, threads, files=[{"name": file}]), f"{file} was loaded", f"not the build {build}")

    @pytest.mark.parametrize("version", ["1.18.0", "1.18", "1.18.1-dev"])
    def test_another_release(self, version: str) -> None:
        older = Case(
            target="host",
            engine="ortjs@1.18",
            backend="wasm",
            wasm_build="simd",
            threads=1,
            browser="chrome",
            model="m",
        )
        proof = PAGE | {
            "threads": 1,
            "threads_at_work": 1,
            "threads_alive": 1,
            "files": [{"name": "ort-wasm-simd.wasm"}],
        }
        assert verdict(older, proof, version=version) == VALID
        self.only(verdict(older, proof, version=f"1.1.{version}"), f"release 1.1.{version} ran, not 1.18")
        self.only(verdict(older, proof, version="1.180.0"), "release 1.180.0 ran, not 1.18")
        assert verdict(older, proof, version=None).sentences == ["proof is missing: which release of the engine ran"]

    def test_a_second_wasm_file(self) -> None:
        both = [{"name": "tfjs-backend-wasm-threaded-simd.wasm"}, {"name": "tfjs-backend-wasm.wasm"}]
        self.only(page(files=both), "tfjs-backend-wasm.wasm was loaded")

    def test_simd_read_back(self) -> None:
        self.only(page(simd=False), "lacks SIMD")
        self.only(page("plain", 1, files=[{"name": "x.wasm"}], simd=True), "has SIMD")

    def test_another_answer(self) -> None:
        wrong = summarise("logits", ANSWER + 0.01)
        found = verdict(tflite(), NATIVE, output=[wrong])
        assert found.status == "invalid"
        assert found.sentences[0].startswith("wrong answer: output `logits` differs by 0.01 of its scale")

    def test_an_answer_within_the_tolerance_is_none(self) -> None:
        close = summarise("logits", ANSWER + np.float32(5e-5))
        assert verdict(tflite(), NATIVE, output=[close]) == VALID

    def test_no_answer(self) -> None:
        self.only(verdict(tflite(), NATIVE, output=[]), "no output was reported")

    def test_threads_fell_to_one(self) -> None:
        self.only(native(threads=1), "1 of 2 threads were at work (CPU time)")
        self.only(page_with_threads(1), "1 of 2 threads")

    def test_more_threads_than_asked(self) -> None:
        self.only(native(threads=3), "3 threads, not 2, were at work")

    def test_another_backend(self) -> None:
        self.only(page(backend="cpu"), "computed on cpu, not on wasm")

    def test_another_engine(self) -> None:
        self.only(verdict(tflite(), NATIVE, engine="onnxruntime"), "onnxruntime answered, but tflite was asked for")

    def test_a_gpu_that_fell_back_to_software(self) -> None:
        self.only(on_gpu("hardware"), "ran in software (SwiftShader), though hardware was asked for")
        self.only(on_gpu("software", renderer="Adreno", renderer_software=False), "ran on a GPU (Adreno)")

    def test_threads_without_isolation(self) -> None:
        self.only(page(cross_origin_isolated=False), "not cross-origin isolated")
        file = [{"name": "litert_wasm_threaded_internal.wasm"}]
        found = page("relaxed-simd-threads", files=file, cross_origin_isolated=False)
        self.only(found, "not cross-origin isolated")

    def test_isolation_where_none_was_asked_for(self) -> None:
        case = Case(
            target="host",
            engine="tfjs",
            backend="wasm",
            wasm_build="simd",
            threads=1,
            browser="chrome",
            model="m",
            isolation="none",
        )
        file = [{"name": "tfjs-backend-wasm-simd.wasm"}]
        one = {"threads": 1, "threads_at_work": 1, "threads_alive": 1, "files": file}
        found = verdict(case, PAGE | one | {"cross_origin_isolated": True})
        assert found.codes == ["wrong-isolation"]
        assert verdict(case, PAGE | one | {"cross_origin_isolated": False}) == VALID

    def test_a_page_that_needs_no_threads_needs_no_isolation(self) -> None:
        file = [{"name": "tfjs-backend-wasm-simd.wasm"}]
        assert page("simd", 1, files=file, cross_origin_isolated=False) == VALID

    def test_xnnpack_took_nothing(self) -> None:
        self.only(native(delegates=[{"name": "TfLiteXNNPackDelegate", "nodes": 0}]), "XNNPACK took 0 nodes")

    def test_too_few_predictions(self) -> None:
        self.only(verdict(tflite(), NATIVE, prediction_ms=[4.0, 4.0]), "2 predictions were made, at least 3")

    def test_no_warmup(self) -> None:
        self.only(verdict(tflite(), NATIVE, warmup_ms=[]), "warmup")

    def test_doubts_are_told_too(self) -> None:
        found = verdict(tflite(4), NATIVE | {"threads": 1}, host(cores=2))
        assert found.status == "invalid"
        assert found.sentences == ["1 of 4 threads were at work (CPU time)", "4 threads were asked for on 2 cores"]


def page_with_threads(seen: int) -> Verdict:
    case = Case(
        target="host", engine="tfjs", backend="wasm", wasm_build="simd-threads", threads=2, browser="chrome", model="m"
    )
    return verdict(case, PAGE | {"threads": seen})


class TestSuspect:
    def only(self, found: Verdict, *says: str) -> None:
        assert found.status == "suspect"
        assert len(found.sentences) == 1
        for part in says:
            assert part in found.sentences[0]

    def test_more_threads_than_cores(self) -> None:
        proof = NATIVE | {"threads": 4, "thread_cpu_ms": [1.0] * 4}
        self.only(verdict(tflite(4), proof, host(cores=2)), "4 threads were asked for on 2 cores")

    def test_a_thread_starved_by_too_few_cores_is_no_proof_against_it(self, pinned: Pinned) -> None:
        found = verdict(tflite(4), NATIVE | {"threads": 3, "thread_cpu_ms": [9.0, 8.0, 7.0, 0.1]}, host(cores=2))
        assert found.status == "suspect"
        pinned(found.sentences[1])

    def test_a_coarse_clock(self) -> None:
        self.only(native(clock_resolution_ms=0.1), "steps of 0.1 ms, 2.5% of the median prediction")
        assert native(clock_resolution_ms=0.04) == VALID

    def test_a_hidden_page(self) -> None:
        self.only(page(visible=False), "hidden")

    def test_a_page_without_the_focus(self) -> None:
        self.only(page(focused=False), "focus")
        assert page(focused=True) == VALID
        assert page(focused=False, flags=["--headless"]) == VALID

    @pytest.mark.parametrize(
        ("found", "what"),
        [
            (native(threads=None), "number of threads"),
            (native(backend=None), "backend"),
            (native(delegates=[]), "XNNPACK"),
            (native(clock_resolution_ms=None), "clock's resolution"),
            (native(clock_resolution_ms=0.0), "clock's resolution"),
            (page(files=[]), "which wasm file"),
            (page(files=[{"name": "wasm"}]), "which wasm file"),
            (page(cross_origin_isolated=None), "isolated"),
            (page(browser_version=None), "browser's version"),
            (page(visible=None), "visible"),
            (on_gpu(renderer_software=None), "renderer is hardware or software (SwiftShader)"),
            (verdict(tflite(), NATIVE, manifest=None), "reference"),
            (verdict(tflite(), NATIVE, setup_ms={}), "setup"),
        ],
    )
    def test_a_missing_proof_is_named(self, found: Verdict, what: str) -> None:
        self.only(found, "proof is missing", what)

    def test_an_engine_that_computes_nothing(self) -> None:
        case = Case(target="host", engine="sleep", backend="cpu", threads=1, model="m")
        self.only(verdict(case, {}, output=[]), "computes nothing")


def test_a_model_without_reference_answer_cannot_be_valid() -> None:
    found = verdict(tflite(), NATIVE, manifest=MANIFEST.model_copy(update={"reference": []}))
    assert found.status == "suspect"
    assert found.sentences == ["no reference answer: whether the output is right is not known"]


def test_predictions_of_no_measurable_length(pinned: Pinned) -> None:
    found = verdict(tflite(), NATIVE, prediction_ms=[0.0, 0.0, 0.0])
    assert found.status == "suspect"
    pinned(found.sentences[0])
