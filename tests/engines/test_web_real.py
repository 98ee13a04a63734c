"""Web engines in a real Chromium on this computer: right answers, true proof, and failures that have a name."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Literal

import pytest

from mobilebench.browsers import chrome
from mobilebench.core import paths
from mobilebench.core.agreement import disagreements
from mobilebench.core.axes import LITERT_WASM_FILES
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import BlockRule, Measurement, SetupPart
from mobilebench.engines import page_sampling, web
from mobilebench.engines.base import Engine
from mobilebench.engines.registry import engines
from mobilebench.engines.web_engines import LITERTJS, ORTJS, TFJS, WebEngine
from mobilebench.models import obtain
from mobilebench.models.manifest import Behaviour, Fill, FormatFile, InputSpec, ModelFiles
from mobilebench.models.registry import facts
from mobilebench.models.synthetic_inputs import fill, sample_indices
from mobilebench.models.user_models import importer
from mobilebench.targets.host import HostTarget
from mobilebench.verdicts.rules import judge
from tests.browsers.sabotage import last_browser
from tests.engines.web_cases import SHORT, planned, web_case

from .measuring import measured_by

pytestmark = [pytest.mark.browser, pytest.mark.build, pytest.mark.usefixtures("closed_pages")]

ENGINES: dict[str, Engine] = engines()
WASM = [
    ("tfjs", "wasm", "plain", 1),
    ("tfjs", "wasm", "simd", 1),
    ("tfjs", "wasm", "simd-threads", 2),
    ("ortjs", "wasm", "simd-threads", 1),
    ("ortjs", "wasm", "simd-threads", 2),
    ("litertjs", "wasm", "simd", 1),
    ("litertjs", "wasm", "relaxed-simd", 1),
    ("litertjs", "wasm", "relaxed-simd-threads", 1),
    ("litertjs", "wasm", "relaxed-simd-threads", 2),
    ("litertjs", "wasm", "relaxed-simd-threads", 4),
]
GPU = [("tfjs", "webgl", "software", 1), ("ortjs", "webgpu", "software", 1), ("litertjs", "webgpu", "software", 1)]
OTHERS = [
    ("tfjs", "webgpu", "software", 1),
    ("tfjs", "js", "", 1),
    ("tfjs@4.2", "wasm", "plain", 1),
    ("tfjs@4.2", "wasm", "simd", 1),
    ("tfjs@4.2", "wasm", "simd-threads", 2),
    ("tfjs@4.2", "webgl", "software", 1),
    ("tfjs@4.2", "js", "", 1),
    ("ortjs", "webgl", "software", 1),
    ("ortjs@1.18", "wasm", "plain", 1),
    ("ortjs@1.18", "wasm", "simd", 1),
    ("ortjs@1.18", "wasm", "threads", 2),
    ("ortjs@1.18", "wasm", "simd-threads", 2),
    ("ortjs@1.18", "webgl", "software", 1),
    ("ortjs@1.14", "wasm", "plain", 1),
    ("ortjs@1.14", "wasm", "simd", 1),
    ("ortjs@1.14", "wasm", "threads", 2),
    ("ortjs@1.14", "wasm", "simd-threads", 2),
    ("ortjs@1.14", "webgl", "software", 1),
]
"""Other backends and releases, one small model each."""
ABS, CUSTOM, INT64 = 101, 32, 4
"""Two operators and an element type in TensorFlow Lite's schema."""
TINY = "mlp_4x256"
SETUP: set[SetupPart] = {"framework_download", "framework_init", "model_download", "model_init"}


@pytest.fixture
def threads_may_start_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, threads of a page may start so late that they are taken for missing."""
    monkeypatch.setattr(page_sampling, "SETTLING_S", 20)


def model(name: str) -> ModelFiles:
    return obtain.find(name, "fp32", 1) or obtain.ensure(name)


def measure(
    target: HostTarget, way: tuple[str, str, str, int], name: str = "bert_small", rule: BlockRule = SHORT
) -> Measurement:
    case = web_case(*way, model=name)
    engine = ENGINES[case.engine]
    assert engine.supports(target.info, case) is None
    files = model(name)
    result = measured_by(engine, target, planned(case, rule), files, cancel=Event())
    assert set(result.spent_ms) == {"launch"}
    return result.measurement


@pytest.mark.parametrize("name", ["mobilenet_v2", "bert_small"])
@pytest.mark.parametrize("way", WASM, ids=lambda way: "-".join(map(str, way)))
def test_every_wasm_setting_answers_right_and_proves_itself(
    target: HostTarget, way: tuple[str, str, str, int], name: str, temporary: Path
) -> None:
    measured = measure(target, way, name)
    engine, backend, build, threads = way
    files = model(name)
    assert disagreements(files.manifest.reference, measured.output, files.manifest.tolerance) == []
    assert set(measured.setup_ms) == SETUP
    assert len(measured.warmup_ms) == 1
    assert SHORT.min_predictions <= len(measured.prediction_ms) <= SHORT.max_predictions
    proof = measured.proof
    assert (proof.backend, proof.threads) == (backend, threads)
    assert proof.simd is (build != "plain")
    assert proof.cross_origin_isolated is True
    assert proof.visible is True
    assert proof.clock_resolution_ms is not None
    assert proof.clock_resolution_ms <= 0.02
    assert proof.browser_version == target.info.browsers["chrome"]
    assert "Chrome" in (proof.user_agent or "")
    cores_needed = {"tfjs": 2 * threads if build == "simd-threads" else 1, "litertjs": threads}.get(engine, 1)
    needs_more_cores = target.info.cores < cores_needed
    assert proof.hardware_concurrency_overridden is needs_more_cores
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("way", [("tfjs", "simd"), ("ortjs", "simd-threads")], ids=["tfjs", "ortjs"])
def test_a_page_without_isolation_computes_and_says_so(target: HostTarget, way: tuple[str, str]) -> None:
    engine, build = way
    case = dataclasses.replace(web_case(engine, "wasm", build), isolation="none")
    files = model("bert_small")
    found = measured_by(ENGINES[engine], target, planned(case), files, cancel=Event()).measurement
    assert found.proof.cross_origin_isolated is False
    assert (found.proof.clock_resolution_ms or 0) > 0.02
    assert disagreements(files.manifest.reference, found.output, files.manifest.tolerance) == []
    codes = judge(planned(case), found, target.info, facts(files.manifest)).codes
    assert set(codes) <= {"clock-too-coarse"}


def test_threads_need_isolation(target: HostTarget) -> None:
    case = dataclasses.replace(web_case("tfjs", "wasm", "simd-threads", 2), isolation="none")
    with pytest.raises(Unsupported):
        measured_by(TFJS, target, planned(case), model("bert_small"), cancel=Event())


@pytest.mark.parametrize("way", GPU, ids=["tfjs/webgl", "ortjs/webgpu", "litertjs/webgpu"])
def test_the_software_gpu_answers_right_and_is_named(target: HostTarget, way: tuple[str, str, str, int]) -> None:
    measured = measure(target, way, rule=BlockRule(min_predictions=1, max_predictions=1))
    files = model("bert_small")
    assert disagreements(files.manifest.reference, measured.output, files.manifest.tolerance) == []
    assert measured.proof.backend == way[1]
    assert measured.proof.renderer_software is True
    assert "swiftshader" in (measured.proof.renderer or "").lower()
    if way[0] == "ortjs":
        assert sum(share.nodes for share in measured.proof.delegates) == measured.proof.graph_nodes
        assert "WebGpuExecutionProvider" in {share.name for share in measured.proof.delegates}
    if way[0] == "litertjs":
        shares = {share.name: share.nodes for share in measured.proof.delegates}
        assert shares["LiteRT WebGPU"] > shares["CPU"] > 0
        assert measured.proof.graph_nodes == sum(shares.values())
        assert measured.proof.environment["fully_accelerated"] == "false"


@pytest.mark.usefixtures("threads_may_start_late")
@pytest.mark.parametrize("way", OTHERS, ids=lambda way: "-".join(map(str, way)))
def test_every_other_backend_and_release_is_what_was_asked_for(
    target: HostTarget, way: tuple[str, str, str, int]
) -> None:
    case, files = web_case(*way, model=TINY), model(TINY)
    engine = ENGINES[case.engine]
    assert engine.supports(target.info, case) is None
    block = planned(case, BlockRule(min_predictions=2, max_predictions=2))
    measured = measured_by(engine, target, block, files, cancel=Event()).measurement
    verdict = judge(block, measured, target.info, facts(files.manifest))
    assert verdict.status in ("valid", "suspect"), verdict
    assert [reason for reason in verdict.sentences if "proof is missing" in reason] == []
    release = case.engine.partition("@")[2]
    assert (measured.version or "").startswith(release)
    folder = case.engine.replace("@", "-")
    assert all(file.name.startswith((f"frameworks/{folder}/", "model/", "bench.")) for file in measured.proof.files)
    compiled = measured.compilation.get("warmup")
    assert (compiled is not None and compiled.shaders > 0) is (case.gpu == "software")
    assert len(measured.readback_ms) == (2 if case.engine.startswith("tfjs") else 0)
    assert (measured.proof.focused, measured.proof.runs_in) == (True, "main thread")
    assert (measured.proof.power_preference is not None) is (case.gpu == "software")


def test_every_choice_is_tried_by_some_test(target: HostTarget) -> None:
    tried = {(engine, backend, choice) for engine, backend, choice, _ in (*WASM, *GPU, *OTHERS)}
    for name, engine in ENGINES.items():
        for backend in engine.backends if engine.kind == "web" else ():
            for choice in next(iter(backend.axes.values()), ("",)):
                threads = 1 if backend.on_one_thread(choice) else 2
                refused = engine.supports(target.info, web_case(name, backend.name, choice, threads))
                assert (name, backend.name, choice) in tried or refused or backend.name == "webnn"


def test_webnn_is_measured_or_unsupported_with_the_browser_s_reason(target: HostTarget) -> None:
    case = ("ortjs", "webnn", "cpu", 1)
    try:
        assert measure(target, case, TINY).proof.backend == "webnn"
    except Unsupported as unsupported:
        assert re.search("WebNN is not supported on this platform|navigator.ml is missing", unsupported.message)


def test_an_operator_that_onnx_runtime_lacks_on_webgl_is_named(target: HostTarget) -> None:
    with pytest.raises(Unsupported, match="cannot resolve operator 'Reciprocal'"):
        measure(target, ("ortjs", "webgl", "software", 1), "bert_small")


def test_each_wasm_setting_really_loads_its_own_binary(target: HostTarget) -> None:
    loaded = {}
    for way in WASM[:3]:
        binaries = [file for file in measure(target, way).proof.files if file.name.endswith(".wasm")]
        assert len(binaries) == 1
        on_disk = paths.web_pages() / binaries[0].name
        assert binaries[0].bytes == on_disk.stat().st_size
        loaded[way[2]] = (on_disk.name, binaries[0].sha256)
    assert {build: name for build, (name, _) in loaded.items()} == {
        "plain": "tfjs-backend-wasm.wasm",
        "simd": "tfjs-backend-wasm-simd.wasm",
        "simd-threads": "tfjs-backend-wasm-threaded-simd.wasm",
    }
    assert len({sha256 for _, sha256 in loaded.values()}) == 3


def test_each_build_of_litertjs_is_the_published_one(target: HostTarget) -> None:
    for way in WASM[5:8]:
        measured = measure(target, way, rule=BlockRule(min_predictions=1, max_predictions=1))
        (binary,) = [file for file in measured.proof.files if file.name.endswith(".wasm")]
        assert binary.name == f"frameworks/litertjs/{LITERT_WASM_FILES[way[2]]}"
        assert binary.sha256 == hashlib.sha256((paths.web_pages() / binary.name).read_bytes()).hexdigest()
        assert measured.version == "2.5.3"


def one_operator(code: int, custom: str | None = None, dtype: int = 0) -> bytes:
    """A .tflite model of a single operator, from `x` to `y`, as numbers of TensorFlow Lite's schema."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode, operator_code.customCode = code, custom
    operator_code.deprecatedBuiltinCode = min(code, 127)
    operator, graph, model = schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    operator.inputs, operator.outputs = [0], [1]
    graph.tensors = []
    for name in ("x", "y"):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, [1, 4], dtype
        graph.tensors.append(tensor)
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    model.version, model.subgraphs, model.operatorCodes, model.buffers = 3, [graph], [operator_code], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def own_model(folder: Path, content: bytes, dtype: Literal["float32", "int64"] = "float32") -> ModelFiles:
    (folder / "own.tflite").write_bytes(content)
    entry = FormatFile(path="own.tflite", sha256="0" * 64, bytes=1, inputs={"x": "x"}, outputs={"y": "y"})
    kind: Literal["uniform", "integers"] = "uniform" if dtype == "float32" else "integers"
    spec = InputSpec(name="x", dtype=dtype, shape=[1, 4], fill=Fill(kind=kind, low=0, high=4))
    changes = {"inputs": [spec], "outputs": ["y"], "formats": {"tflite": entry}}
    return ModelFiles(folder, model("bert_small").manifest.model_copy(update=changes))


def measured_own(target: HostTarget, files: ModelFiles, backend: str = "wasm") -> Measurement:
    block = planned(web_case("litertjs", backend, "relaxed-simd" if backend == "wasm" else "software"))
    return measured_by(LITERTJS, target, block, files, cancel=Event()).measurement


def test_litertjs_runs_a_model_without_signatures(target: HostTarget, tmp_path: Path) -> None:
    files = own_model(tmp_path, one_operator(ABS))
    (output,) = measured_own(target, files).output
    assert output.sample.value == fill(files.manifest.inputs[0], 0).reshape(-1).tolist()


@pytest.mark.parametrize("backend", ["wasm", "webgpu"])
def test_an_operator_that_litertjs_lacks_is_unsupported_though_it_answers(
    target: HostTarget, tmp_path: Path, backend: str
) -> None:
    with pytest.raises(Unsupported, match="Encountered unresolved custom op: Erfc"):
        measured_own(target, own_model(tmp_path, one_operator(CUSTOM, "Erfc")), backend)


def test_the_page_refuses_too_when_litertjs_lacks_a_number_format(
    target: HostTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WebEngine, "why_not_model", lambda *_: None)
    with pytest.raises(Unsupported, match="INT64 is not supported"):
        measured_own(target, own_model(tmp_path, one_operator(ABS, dtype=INT64), "int64"))


def test_a_tensor_that_the_model_lacks_is_named(target: HostTarget, tmp_path: Path) -> None:
    files = own_model(tmp_path, one_operator(ABS))
    entry = files.manifest.formats["tflite"].model_copy(update={"outputs": {"y": "z"}})
    files = ModelFiles(tmp_path, files.manifest.model_copy(update={"formats": {"tflite": entry}}))
    with pytest.raises(BlockFailed, match="The model has no output z; it has y"):
        measured_own(target, files)


@pytest.mark.parametrize("content", [b"", b"TFL3", bytes(range(256)) * 20])
def test_what_is_no_model_fails_the_block(target: HostTarget, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BlockFailed, match="litertjs wasm relaxed-simd with bert_small failed in the page on host: "):
        measured_own(target, own_model(tmp_path, content))


@pytest.mark.parametrize("samples", [1, 4096])
@pytest.mark.parametrize("way", [WASM[1], WASM[3], WASM[5]], ids=["tfjs", "ortjs", "litertjs"])
def test_an_answer_shows_as_many_elements_as_are_asked_for(
    target: HostTarget, way: tuple[str, str, str, int], samples: int
) -> None:
    case, files = web_case(*way), model("bert_small")
    block = planned(case, BlockRule(min_predictions=1, max_predictions=1))
    measured = measured_by(ENGINES[case.engine], target, block, files, cancel=Event(), samples=samples).measurement
    for output in measured.output:
        size = math.prod(output.shape)
        assert output.sample.index == sample_indices(size, samples).tolist()
        assert len(output.sample.value) == min(size, samples)


def test_predictions_leave_no_tensors_behind(target: HostTarget) -> None:
    few = measure(target, WASM[1], rule=BlockRule(min_predictions=1, max_predictions=1))
    many = measure(target, WASM[1], rule=BlockRule(min_predictions=12, max_predictions=12))
    assert len(many.prediction_ms) == 12
    assert few.proof.environment["tensors_alive"] == many.proof.environment["tensors_alive"]


def test_files_that_were_served_are_in_the_proof_with_their_hash(target: HostTarget) -> None:
    files = model("bert_small")
    entry = files.manifest.formats["onnx"]
    proof = measure(target, ("ortjs", "wasm", "simd-threads", 1)).proof
    assert {file.name: file.sha256 for file in proof.files}[f"model/{entry.path}"] == entry.sha256


@pytest.mark.parametrize(
    "script", ["mobilebench = {run: () => new Promise(() => {})}", "mobilebench = {run: () => { for (;;); }}"]
)
def test_a_page_that_never_answers_is_given_up(
    target: HostTarget, serve: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, temporary: Path, script: str
) -> None:
    serve(script)
    engine = dataclasses.replace(TFJS, setup_patience_s=1)
    monkeypatch.setattr(web, "PREDICTION_PATIENCE_S", 0)
    began = time.monotonic()
    with pytest.raises(BlockFailed, match="The page on host never answered within 2 s"):
        measured_by(engine, target, planned(web_case("tfjs", "wasm", "simd")), model("bert_small"), cancel=Event())
    assert time.monotonic() - began < 30
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "fault", "names"),
    [
        ("mobilebench = {run: () => { throw new TypeError('broken page') }}", "page error", "TypeError: broken page"),
        ("mobilebench = {run: async () => { throw new Error('later') }}", "page error", "Error: later"),
        ("mobilebench = {run: () => 'hello'}", "bad answer", ""),
        ("", "page error", "mobilebench is not defined"),
    ],
)
def test_a_page_that_throws_or_talks_nonsense_fails_the_block(
    target: HostTarget, serve: Callable[[str], None], script: str, fault: str, names: str
) -> None:
    serve(script)
    with pytest.raises(BlockFailed) as raised:
        measured_by(TFJS, target, planned(web_case("tfjs", "wasm", "simd")), model("bert_small"), cancel=Event())
    assert raised.value.fault == fault
    assert names in raised.value.message


def test_chromium_killed_in_the_middle(target: HostTarget, monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    browser, killed = last_browser(monkeypatch), Event()
    look = page_sampling.PageProcessSampler.paused

    def looking(watch: page_sampling.PageProcessSampler, moment: str) -> None:
        look(watch, moment)
        if moment == "warmup":  # the predictions come next, for a long time
            Timer(0.3, kill, [browser().pid, killed]).start()

    monkeypatch.setattr(page_sampling.PageProcessSampler, "paused", looking)
    endless = planned(web_case("tfjs", "wasm", "simd"), BlockRule(min_predictions=100_000, max_predictions=100_000))
    with pytest.raises(BlockFailed, match="connection to the browser was cut"):
        measured_by(TFJS, target, endless, model("bert_small"), cancel=Event())
    assert killed.is_set()
    assert list(temporary.iterdir()) == []


def kill(pid: int, killed: Event) -> None:
    """Kill the browser, as the kernel would when memory runs out."""
    killed.set()
    os.kill(pid, signal.SIGKILL)


def test_cancelling_ends_a_block_within_seconds(target: HostTarget, temporary: Path) -> None:
    cancel = Event()
    endless = planned(web_case("tfjs", "wasm", "simd"), BlockRule(min_predictions=100_000, max_predictions=100_000))
    failures: list[BlockFailed] = []

    def block() -> None:
        try:
            measured_by(TFJS, target, endless, model("bert_small"), cancel=cancel)
        except BlockFailed as failed:
            failures.append(failed)

    worker = Thread(target=block)
    worker.start()
    time.sleep(2)
    cancel.set()
    began = time.monotonic()
    worker.join(60)
    assert time.monotonic() - began < 30
    assert ["cancelled" in failed.message for failed in failures] == [True]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("engine", "words"), [("ortjs", "no available backend found"), ("litertjs", "LiteRT.js found no WebGPU adapter")]
)
def test_a_browser_without_webgpu_is_unsupported(
    target: HostTarget, monkeypatch: pytest.MonkeyPatch, engine: str, words: str
) -> None:
    monkeypatch.setattr(chrome, "SOFTWARE_GPU", ("--disable-gpu", "--disable-software-rasterizer"))
    with pytest.raises(Unsupported, match=words):
        measure(target, (engine, "webgpu", "software", 1))


def test_a_browser_without_webgl_is_unsupported(target: HostTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chrome, "SOFTWARE_GPU", ("--disable-gpu", "--disable-software-rasterizer"))
    with pytest.raises(Unsupported, match="could not start its backend webgl"):
        measure(target, ("tfjs", "webgl", "software", 1))


def test_a_truncated_model_file_fails_the_block_and_names_the_model(target: HostTarget, tmp_path: Path) -> None:
    files = model("bert_small")
    name = files.manifest.formats["onnx"].path
    (tmp_path / name).write_bytes((files.folder / name).read_bytes()[:100_000])
    cut = ModelFiles(tmp_path, files.manifest)
    with pytest.raises(BlockFailed, match="ortjs wasm simd-threads with bert_small failed in the page on host: "):
        measured_by(ORTJS, target, planned(web_case("ortjs", "wasm", "simd-threads")), cut, cancel=Event())


def test_a_truncated_weight_file_is_never_measured_as_if_it_were_whole(target: HostTarget, tmp_path: Path) -> None:
    files = model("bert_small")
    entry = files.manifest.formats["tfjs"]
    for name in (entry.path, *entry.parts):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((files.folder / name).read_bytes())
    shard = tmp_path / sorted(entry.parts)[0]
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(BlockFailed, match="tfjs wasm simd with bert_small failed in the page on host: "):
        cut = ModelFiles(tmp_path, files.manifest)
        measured_by(TFJS, target, planned(web_case("tfjs", "wasm", "simd")), cut, cancel=Event())


def test_of_a_model_that_carries_state_the_first_answer_is_reported(
    target: HostTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    file = Path(__file__).parents[1] / "models" / "user_models" / "behaving" / "resource_variable.tflite"
    files = importer.add(file, importer.ImportOptions(name="counting")).files
    case = web_case("litertjs", "wasm", "simd", model="counting")
    block = planned(case, BlockRule(min_predictions=5, max_predictions=5, max_seconds=1))
    first = measured_by(LITERTJS, target, block, files, cancel=Event()).measurement
    assert disagreements(files.manifest.reference, first.output, 1e-4) == []
    assert judge(block, first, target.info, facts(files.manifest)).status != "invalid"
    pure = ModelFiles(files.folder, files.manifest.model_copy(update={"behaviour": Behaviour()}))
    last = measured_by(LITERTJS, target, block, pure, cancel=Event()).measurement
    assert last.output[0].max == pytest.approx(6 * first.output[0].max, rel=1e-3)
