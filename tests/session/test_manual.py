"""The bench page for a person, as the page server asks it: choices, jobs, and results that nobody has to trust."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilebench.browsers.server import PageServer
from mobilebench.core import file_locks
from mobilebench.core.errors import BadInput
from mobilebench.models.build.cache import lock_of
from mobilebench.models.manifest import Fill, Format, FormatFile, InputSpec, Manifest, ModelFiles
from mobilebench.models.synthetic_inputs import summarise
from mobilebench.results.store import Store
from mobilebench.session import manual_choices
from mobilebench.session.manual import MOST_OPEN, Manual
from tests.browsers.test_server import get
from tests.pinning import Pinned

ANSWER = np.linspace(-1, 1, 10, dtype=np.float32).reshape(1, 10)
PHONE = (
    "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36"
)
WANTED = {
    "engine": "ortjs",
    "backend": "wasm",
    "axes": {"wasm_build": "simd-threads"},
    "threads": 2,
    "model": "bert_small",
    "precision": "fp32",
}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFiles:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(b"weights")
    entry = FormatFile(path="m.onnx", sha256="0", bytes=7, inputs={"x": "x:0"}, outputs={"logits": "y:0"})
    files = ModelFiles(
        folder,
        Manifest(
            model="bert_small",
            precision="fp32",
            batch=1,
            weights="seeded",
            seed=0,
            inputs=[InputSpec(name="x", dtype="float32", shape=[1], fill=Fill(kind="uniform", low=0, high=1))],
            outputs=["logits"],
            formats={"onnx": entry, "saved_model": entry},
            reference=[summarise("logits", ANSWER)],
            tolerance=1e-4,
            parameters=1,
            built_with={},
        ),
    )
    monkeypatch.setattr(manual_choices, "_models", lambda: iter([("bert_small", "fp32", files)]))
    monkeypatch.setattr("mobilebench.models.obtain.find", lambda *_: files)
    return files


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    pages = tmp_path_factory.mktemp("pages")
    (pages / "bench.html").write_text("<p>bench</p>")
    server = PageServer(pages)
    yield server
    server.close()


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> Iterator[Store]:
    (tmp_path / "results").mkdir()
    shutil.copy(empty_store, tmp_path / "results")
    with Store.open(tmp_path / "results") as store:
        yield store


@pytest.fixture
def sitting(server: PageServer, store: Store, model: ModelFiles) -> Iterator[Manual]:
    sitting = Manual(server, store, "lan")
    yield sitting
    sitting.close()


def begin(sitting: Manual, **changes: Any) -> dict[str, Any]:
    return sitting.start(json.dumps(WANTED | changes).encode())


def answer(
    begun: dict[str, Any],
    *,
    status: str = "ok",
    reason: str | None = None,
    agent: str = PHONE,
    engine: str = "ortjs",
    **proof: Any,
) -> bytes:
    shown: dict[str, Any] = {
        "backend": "wasm",
        "threads": 2,
        "cross_origin_isolated": True,
        "visible": True,
        "clock_resolution_ms": 0.005,
    }
    measured = status == "ok"
    told = {
        "schema": "mobilebench/measurement/1",
        "status": status,
        "reason": reason,
        "engine": engine,
        "proof": shown | proof,
        "setup_ms": {"framework_download": 1, "model_download": 2},
        "warmup_ms": [5] if measured else [],
        "prediction_ms": [4, 3, 4] if measured else [],
        "output": [summarise("logits", ANSWER).model_dump()] if measured else [],
    }
    sent = {"visit": begun["visit"], "answer": json.dumps(told), "agent": agent, "cores": 8}
    return json.dumps(sent).encode()


def test_engines_of_pages_and_models_that_they_read_can_be_chosen(sitting: Manual) -> None:
    shown = sitting.choices(b"{}")
    assert shown["models"] == [{"name": "bert_small", "precision": "fp32", "bytes": {"onnx": 7}}]
    engines = {engine["name"]: engine for engine in shown["engines"]}
    assert "tflite" not in engines
    assert engines["ortjs"]["title"] == "ONNX Runtime Web 1.30"
    older = {backend["name"]: backend for backend in engines["ortjs@1.18"]["backends"]}
    assert older["wasm"]["multi_threaded_builds"] == ["simd-threads", "threads"]
    backends = {backend["name"]: backend for backend in engines["ortjs"]["backends"]}
    assert backends["wasm"]["multi_threaded_builds"] == []
    assert backends["wasm"]["axes"] == [{"name": "wasm_build", "title": "wasm build", "values": ["simd-threads"]}]
    assert backends["webgpu"]["axes"] == [{"name": "gpu", "title": "GPU", "values": ["auto"]}]
    assert backends["webgpu"]["single_threaded"]
    assert "webgpu" not in {backend["name"] for backend in engines["ortjs@1.18"]["backends"]}


def test_each_press_gets_a_fresh_path_with_the_model_under_it(sitting: Manual, server: PageServer) -> None:
    first, second = begin(sitting), begin(sitting)
    assert first["page"] != second["page"]
    assert first["job"]["model"]["file"] == "model/m.onnx"
    assert get(server, first["page"])[1] == b"<p>bench</p>"
    assert get(server, first["page"].replace("bench.html", "model/m.onnx"))[1] == b"weights"
    sitting.close()
    assert get(server, first["page"])[0].status == 404


def test_who_presses_again_and_again_takes_no_more_room(sitting: Manual, server: PageServer, pinned: Pinned) -> None:
    begun = [begin(sitting) for _ in range(MOST_OPEN + 2)]
    assert server.open_visits == MOST_OPEN
    assert get(server, begun[1]["page"])[0].status == 404
    with pinned.raises(BadInput):
        sitting.check(answer(begun[1]))


def test_a_page_is_told_more_cores_where_its_engine_would_start_too_few_threads(
    sitting: Manual, store: Store, model: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    formats: dict[Format, FormatFile] = {"tfjs": model.manifest.formats["onnx"]}
    readable = ModelFiles(model.folder, model.manifest.model_copy(update={"formats": formats}))
    monkeypatch.setattr("mobilebench.models.obtain.find", lambda *_: readable)
    asked = {"engine": "tfjs", "axes": {"wasm_build": "simd-threads"}, "threads": 2}
    assert begin(sitting, **asked, cores=4)["cores"] is None
    begun = begin(sitting, **asked, cores=2)
    assert begun["cores"] == 4
    (block,) = store.load(sitting.keep(answer(begun, engine="tfjs"))["run"]).blocks
    assert block.measurement is not None
    assert block.measurement.proof.hardware_concurrency_overridden


def test_what_somebody_stopped_is_over(sitting: Manual, server: PageServer) -> None:
    begun = begin(sitting)
    for _ in range(2):
        assert sitting.stop(json.dumps({"visit": begun["visit"]}).encode()) == {}
    assert server.open_visits == 0
    assert get(server, begun["page"])[0].status == 404
    with pytest.raises(BadInput):
        sitting.check(answer(begun))


def test_a_model_is_not_pruned_while_its_answer_is_awaited(sitting: Manual, model: ModelFiles) -> None:
    begin(sitting)
    with file_locks.if_free(lock_of(model.folder)) as free:
        assert not free
    sitting.close()
    with file_locks.if_free(lock_of(model.folder)) as free:
        assert free


@pytest.mark.slow
def test_a_kept_result_is_a_run_of_a_person(sitting: Manual, store: Store, server: PageServer) -> None:
    begun = begin(sitting)
    told = sitting.keep(answer(begun))
    run = store.load(told["run"])
    assert (run.info.suite, run.info.status) == ("manual", "finished")
    (target,) = run.info.targets
    assert (target.id, target.kind, target.cores) == ("manual:chrome-android", "manual", 8)
    assert (target.os, target.browsers) == ("Android 14", {"chrome": "156.0.0.0"})
    (block,) = run.blocks
    assert block.planned.context == "manual"
    assert block.measurement is not None
    assert block.measurement.prediction_ms == [4, 3, 4]
    assert block.measurement.proof.download_path == "lan"
    assert block.verdict is not None
    assert block.verdict.status == told["verdict"] == "suspect"  # the page told no downloads
    assert server.open_visits == 0
    with pytest.raises(BadInput):
        sitting.keep(answer(begun))
    assert len(store.runs()) == 1


def test_cores_that_the_browser_does_not_tell_are_assumed_and_said_to_be(
    sitting: Manual, store: Store, pinned: Pinned
) -> None:
    sent = json.loads(answer(begin(sitting)))
    del sent["cores"]
    run = store.load(sitting.keep(json.dumps(sent).encode())["run"])
    (target,) = run.info.targets
    assert target.cores == 1
    pinned(target.unknown["cores"])


def test_checking_stores_nothing_and_can_be_repeated(sitting: Manual, store: Store) -> None:
    begun = begin(sitting)
    assert sitting.check(answer(begun)) == sitting.check(answer(begun))
    assert store.runs() == []


def test_a_page_that_is_not_isolated_is_not_taken_for_one(sitting: Manual) -> None:
    told = sitting.check(answer(begin(sitting), cross_origin_isolated=False))
    assert told["verdict"] == "invalid"
    assert {"not-isolated", "manual-not-isolated"} <= set(told["codes"])


@pytest.mark.parametrize(("software", "gpu"), [(True, "software"), (False, "hardware")])
def test_the_renderer_tells_which_gpu_it_was(sitting: Manual, software: bool, gpu: str) -> None:
    begun = begin(sitting, backend="webgl", axes={"gpu": "auto"}, threads=1)
    told = sitting.check(answer(begun, backend="webgl", renderer="R", renderer_software=software))
    assert f"/webgl/{gpu}/" in told["case"]


def test_what_cannot_run_there_is_kept_as_unsupported(sitting: Manual, store: Store, pinned: Pinned) -> None:
    told = sitting.keep(answer(begin(sitting), status="unsupported", reason="This browser has no WebGPU."))
    (block,) = store.load(told["run"]).blocks
    assert (block.outcome, block.measurement) == ("unsupported", None)
    pinned(block.reason or "")


@pytest.mark.parametrize(
    ("agent", "target"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "manual:firefox-linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1 Version/18.1 Mobile Safari/604.1",
            "manual:safari-ios",
        ),
        ("curl", "manual:browser-system"),
        ("", "manual:browser-system"),
        ("Chrome/" + "9" * 1_900, "manual:chrome-system"),
    ],
)
def test_whatever_the_user_agent_says_there_is_a_target(sitting: Manual, agent: str, target: str) -> None:
    assert sitting.check(answer(begin(sitting), agent=agent))["case"].startswith(target)


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "tflite"},
        {"engine": "../x"},
        {"backend": "webnn", "axes": {"device_type": "quantum"}},
        {"axes": {"wasm_build": "plain"}},
        {"axes": {}},
        {"axes": {"wasm_build": "simd-threads", "gpu": "auto"}},
        {"axes": {"target": "host"}},
        {"engine": "ortjs@1.18", "threads": 1},  # which then loads another build
        {"threads": 0},
        {"threads": 100_000},
        {"model": "../../etc/passwd"},
        {"precision": "fp64"},
        {"pass": "secret"},
        {"pass": "trace"},
        {"cores": 0},
        {"further": 1},
    ],
)
def test_what_cannot_be_chosen_is_refused(sitting: Manual, server: PageServer, change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        begin(sitting, **change)
    assert server.open_visits == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"visit": "x", "answer": "{}"}',
        b'{"visit": 7, "answer": "{}"}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_answer_is_refused(sitting: Manual, store: Store, body: bytes) -> None:
    begin(sitting)
    for take in (sitting.check, sitting.keep):
        with pytest.raises(BadInput):
            take(body)
    assert store.runs() == []


@pytest.mark.parametrize("told", ["", "null", '{"schema": "mobilebench/measurement/1"}', '{"prediction_ms": [1e999]}'])
def test_what_is_no_measurement_is_refused_and_not_kept(
    sitting: Manual, store: Store, told: str, pinned: Pinned
) -> None:
    begun = begin(sitting)
    with pinned.raises(BadInput):
        sitting.keep(json.dumps({"visit": begun["visit"], "answer": told}).encode())
    assert store.runs() == []
