"""Which blocks of pages are traced, under which name, and which cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import MEASUREMENT_SCHEMA, Conditions, Measurement, Pass, PlannedBlock, TraceFile
from mobilebench.engines import page_answer
from mobilebench.engines.base import why_unsupported
from mobilebench.engines.page_process import RecordedPage
from mobilebench.engines.page_recorders import recording
from mobilebench.engines.registry import engines
from mobilebench.recorders import trace
from tests.engines.web_cases import planned, target_info, web_case
from tests.pinning import Pinned

CASE = web_case("tfjs", "wasm", "simd")


def traced(case: Any = CASE, pass_: Pass = "trace", **changes: Any) -> PlannedBlock:
    return planned(case).model_copy(update={"pass_": pass_, **changes})


class FakePage:
    capabilities = frozenset({"trace"})

    def __init__(self) -> None:
        self.done: list[str] = []

    def evaluate(self, expression: str, *, timeout: float, what: str = "The page", apart: bool = False) -> Any:
        self.done.append("wait" if "setTimeout" in expression else expression)

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        self.done.append(method)
        return {}


class NoProcesses:
    here = False

    def running(self) -> dict[int, float]:
        return {}


NOTHING: Any = None
ANSWER = Measurement.model_validate({"schema": MEASUREMENT_SCHEMA, "status": "ok", "engine": "tfjs"})
TRACE = TraceFile(name="a.json.gz", bytes=1, sha256="0" * 64, json_bytes=1, complete=True, marks=[], categories=[])


def recorded(page: Any, folder: Path, pass_: Pass = "trace") -> RecordedPage:
    processes: Any = NoProcesses()
    return RecordedPage(page, processes, traced(pass_=pass_), folder=folder)


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(page: Any, file: Path) -> TraceFile:
        page.done.append(f"finish {file.name}")
        return TRACE

    monkeypatch.setattr(trace, "finish_trace", finish)


@pytest.mark.parametrize("pass_", ["timing", "kernels", "memory"])
def test_no_other_pass_is_traced(pass_: Pass, tmp_path: Path) -> None:
    page = FakePage()
    with recording(NOTHING, recorded(page, tmp_path, pass_)) as found:
        assert page.done == []
    assert found.completed(ANSWER).trace is None
    assert not {"Tracing.start", "Tracing.end"} & set(page.done)


@pytest.mark.usefixtures("finished")
def test_the_page_is_left_alone_before_it_is_traced(tmp_path: Path) -> None:
    page = FakePage()
    with recording(NOTHING, recorded(page, tmp_path)):
        assert page.done == ["wait", "Tracing.start"]
    assert page.done == [
        "wait",
        "Tracing.start",
        "finish 00000-host-tfjs-wasm-simd-t1-chrome-bert-small-fp32-b1.json.gz",
    ]


@pytest.mark.usefixtures("finished")
def test_the_trace_is_part_of_the_measurement(tmp_path: Path) -> None:
    with recording(NOTHING, recorded(FakePage(), tmp_path)) as found:
        pass
    assert found.completed(ANSWER).trace == TRACE


@pytest.mark.usefixtures("finished")
def test_the_trace_of_a_block_that_failed_is_not_asked_for(tmp_path: Path, pinned: Pinned) -> None:
    page = FakePage()
    with pinned.raises(BlockFailed), recording(NOTHING, recorded(page, tmp_path)):
        raise BlockFailed("it crashed")
    assert page.done == ["wait", "Tracing.start"]


def test_a_file_has_a_name_that_any_system_and_its_record_take() -> None:
    usual = web_case("ortjs@1.18", "wasm", "simd", browser="chrome@beta", model="m" * 300)
    phone = replace(usual, target="[fe80::1%eth0]:5555/../x")
    names = {trace.file_name(traced(case, index=number)) for number, case in enumerate([CASE, CASE, phone])}
    assert len(names) == 3
    for name in names:
        TraceFile(name=name, bytes=1, sha256="0" * 64, json_bytes=1, complete=True, marks=[], categories=[])
    assert "00000-host-tfjs-wasm-simd-t1-chrome-bert-small-fp32-b1.json.gz" in names


@pytest.mark.parametrize(
    "name", ["../a.json.gz", "/a.json.gz", "a/b.json.gz", ".json.gz", "a.json", "a.json.gz\n", "a" * 300 + ".json.gz"]
)
def test_a_record_takes_no_other_name(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        TraceFile(name=name, bytes=1, sha256="0" * 64, json_bytes=1, complete=True, marks=[], categories=[])


@pytest.mark.parametrize("name", [name for name, one in engines().items() if one.kind == "web" and one.format])
def test_every_engine_of_pages_can_be_traced_in_chrome_and_none_in_firefox(name: str) -> None:
    engine = engines()[name]
    backend = next(one for one in engine.backends if one.name == "wasm")
    case = web_case(name, "wasm", backend.available("wasm_build")[0], threads=2)
    if backend.on_one_thread(case.wasm_build):
        case = replace(case, threads=1)
    info = target_info(browsers={"chrome": "156.0", "firefox": "153.0"})
    assert why_unsupported(engine, info, traced(case)) is None
    firefox = replace(case, browser="firefox")
    assert why_unsupported(engine, info, traced(firefox, "timing")) is None
    assert why_unsupported(engine, info, traced(firefox)) == (
        "Firefox cannot be traced: WebDriver BiDi has no command for it"
    )


@pytest.mark.parametrize("name", [name for name, engine in engines().items() if engine.kind == "native"])
def test_no_native_engine_can_be_traced(name: str) -> None:
    engine = engines()[name]
    backend = engine.backends[0]
    case = replace(web_case(name, backend.name, ""), browser=None)
    if reason := why_unsupported(engine, target_info(), traced(case, "timing")):
        pytest.fail(reason)
    assert why_unsupported(engine, target_info(), traced(case)) == (
        f"engine {name} has no trace pass: only browsers record traces, and this engine runs without one"
    )


def test_a_person_s_browser_cannot_be_traced(pinned: Pinned) -> None:
    block = traced(conditions=Conditions(context="manual"))
    reason = why_unsupported(engines()["tfjs"], target_info(), block)
    pinned(reason)


def test_a_trace_in_a_page_s_own_answer_is_refused(pinned: Pinned) -> None:
    trace = {"name": "a.json.gz", "bytes": 1, "sha256": "0" * 64, "json_bytes": 1, "complete": True, "marks": []}
    answer = {"schema": MEASUREMENT_SCHEMA, "status": "ok", "engine": "tfjs", "warmup_ms": [1], "prediction_ms": [1]}
    told = Measurement.model_validate({**answer, "trace": {**trace, "categories": []}})
    with pinned.raises(BlockFailed):
        page_answer.parse_answer(told.model_dump_json(by_alias=True), CASE)
