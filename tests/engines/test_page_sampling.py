"""A page that stops between stages: what is looked at meanwhile, and what is believed of what it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import MEASUREMENT_SCHEMA, Measurement, Pass, Proof
from mobilebench.engines import page_sampling
from mobilebench.engines.page_process import Processes, RecordedPage
from mobilebench.engines.page_recorders import PageRecording, recording
from mobilebench.engines.page_sampling import PageProcessSampler, answer_of
from mobilebench.recorders.base import Subject
from mobilebench.recorders.memory import BROWSER_FLAGS as MEMORY_FLAGS
from mobilebench.targets.base import BrowserHandle
from tests.engines.web_cases import planned, target_info, web_case
from tests.pinning import Pinned

HANDLE = BrowserHandle("chrome", "156.0", "http://127.0.0.1:1", ())


class FakePage:
    """Answers in turn; it also has a heap of JavaScript, if it is Chrome's."""

    def __init__(self, *answers: Any, heap: dict[str, Any] | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.timeouts: list[float] = []
        self.heap = heap

    def evaluate(self, expression: str, *, timeout: float, what: str = "The page", apart: bool = False) -> Any:
        assert what == "The page on host"
        self.asked.append(expression)
        self.timeouts.append(timeout)
        return self.answers.pop(0)

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        if self.heap is None:
            raise BlockFailed(f"The browser refused {method}: unknown command")
        return self.heap


def answered(page: Any, *, timeout: float = 60.0) -> tuple[Any, list[str]]:
    seen: list[str] = []
    return answer_of(page, '{"a": 1}', seen.append, timeout=timeout, what="The page on host"), seen


class TestAnswers:
    def test_every_moment_is_looked_at_before_the_page_goes_on(self) -> None:
        page = FakePage("moment: warmup", "moment: prediction", "the answer")
        assert answered(page) == ("the answer", ["warmup", "prediction"])
        assert page.asked == ['mobilebench.run({"a": 1}, true)', "mobilebench.next()", "mobilebench.next()"]
        assert page.timeouts[0] == 60
        assert all(1 <= timeout <= 60 for timeout in page.timeouts)

    @pytest.mark.parametrize(
        "answer", [None, 5, {}, "", "moment:", "moment: ", "moment: Two Words", "moment: a\n", "moment: " + "a" * 41]
    )
    def test_anything_else_is_an_answer_to_be_checked(self, answer: Any) -> None:
        assert answered(FakePage(answer)) == (answer, [])

    def test_a_page_that_stops_for_ever_is_given_up(self, pinned: Pinned) -> None:
        with pinned.raises(BlockFailed):
            answered(FakePage(*["moment: warmup"] * 99))

    @given(st.text() | st.none() | st.integers())
    def test_no_answer_breaks_it(self, answer: Any) -> None:
        answered(FakePage(answer, "", ""))


def test_only_a_memory_pass_of_a_chrome_that_takes_flags_starts_the_browser_differently() -> None:
    host, phone = target_info(), target_info(kind="android")
    assert page_sampling.flags(host, "chrome", "memory") == MEMORY_FLAGS
    assert page_sampling.flags(host, "chrome@beta", "memory") == MEMORY_FLAGS
    assert page_sampling.flags(host, "firefox", "memory") == ()
    assert (
        page_sampling.flags(phone, "chrome", "memory")
        == page_sampling.flags(phone, "chrome@beta", "memory")
        == MEMORY_FLAGS
    )
    assert (
        page_sampling.flags(phone, "chrome@samsung", "memory") == page_sampling.flags(phone, "firefox", "memory") == ()
    )
    assert page_sampling.flags(host, "chrome", "timing") == page_sampling.flags(host, "chrome", "kernels") == ()


class FakeSystem:
    """Two processes that compute pages: the second is ours, from the first inference on."""

    def __init__(self, *, denied: bool = False, dump: str = "") -> None:
        self.denied = denied
        self.dump = dump
        self.seconds: dict[int, float] = {7: 1.0, 8: 0.2}
        self.main = 0.0
        self.worker = 0.0

    def computed(self, main: float, worker: float) -> None:
        self.main += main
        self.worker += worker
        self.seconds[8] += (main + worker) / 1000

    def files(self, pid: int, patterns: tuple[str, ...]) -> Mapping[str, str]:
        if self.denied:
            return {}
        times = {pid: self.main, 90: self.worker} if pid == 8 else {pid: 1.0}
        found = {"status": f"VmHWM: {pid}00 kB\nVmRSS: {pid}0 kB\n"}
        for tid, ms in times.items():
            name = "chromium" if tid == pid else "DedicatedWorker"
            found[f"task/{tid}/stat"] = f"{tid} ({name}) S {'0 ' * 48}"
            found[f"task/{tid}/schedstat"] = f"{int(ms * 1e6)} 0 0"
        return found

    def processes(self) -> Processes:
        system = self

        class Faked(Processes):
            def running(self) -> dict[int, float]:
                return dict(system.seconds)

        return Faked(HANDLE, self.files, here=False, dump=lambda _: self.dump)


def measurement(**more: Any) -> Measurement:
    return Measurement.model_validate_json(
        json.dumps({"schema": MEASUREMENT_SCHEMA, "status": "ok", "engine": "tfjs", **more})
    )


def begun(processes: Processes, pass_: Pass = "timing", threads: int = 1, page: Any = None) -> PageRecording:
    block = planned(web_case("tfjs", "wasm", "simd")).model_copy(update={"pass_": pass_})
    subject = Subject(None, page=RecordedPage(page or FakePage(), processes, block, threads))  # type: ignore[arg-type]
    sampler = PageProcessSampler()
    sampler.start(subject)
    return PageRecording(subject, [sampler])


def watched(system: FakeSystem, pass_: Pass = "timing", page: Any = None) -> PageRecording:
    found = begun(system.processes(), pass_, page=page)
    system.computed(300, 10)
    found.paused("warmup")
    system.computed(100, 80)
    found.paused("prediction")
    return found


class TestThreads:
    def test_the_process_that_computed_is_the_page_s_and_its_threads_are_counted(self) -> None:
        proof = watched(FakeSystem()).completed(measurement()).proof
        assert (proof.threads_at_work, proof.threads_alive) == (2, 2)
        assert proof.thread_cpu_ms == [100.0, 80.0]

    def test_where_the_system_denies_it_nothing_is_claimed(self) -> None:
        proof = watched(FakeSystem(denied=True)).completed(measurement()).proof
        assert (proof.threads_at_work, proof.threads_alive, proof.thread_cpu_ms) == (None, None, [])

    def test_a_page_that_never_stopped_is_not_looked_into(self) -> None:
        proof = begun(FakeSystem().processes()).completed(measurement()).proof
        assert proof.threads_at_work is None

    def test_a_timing_pass_reads_no_memory(self) -> None:
        assert watched(FakeSystem()).completed(measurement()).memory is None


class LateWorker(FakeSystem):
    """Its worker is there from the third look at the threads on, and starts until the fifth."""

    def __init__(self, *, ever: bool = True) -> None:
        super().__init__()
        self.ever = ever
        self.looks = 0

    def files(self, pid: int, patterns: tuple[str, ...]) -> Mapping[str, str]:
        found = super().files(pid, patterns)
        if pid != 8:
            return found
        self.looks += 1
        if 3 <= self.looks <= 5:
            self.worker += 30
        return found if self.ever and self.looks >= 3 else {path: found[path] for path in found if "/90/" not in path}


class TestThreadsThatStartLate:
    @pytest.fixture(autouse=True)
    def patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(page_sampling, "SETTLING_S", 60)

    def watched(self, system: LateWorker, threads: int) -> Proof:
        found = begun(system.processes(), threads=threads)
        system.computed(300, 0)
        found.paused("warmup")
        system.computed(100, 80)
        found.paused("prediction")
        return found.completed(measurement()).proof

    def test_they_are_waited_for_and_their_start_is_not_taken_for_work(self) -> None:
        proof = self.watched(LateWorker(), 2)
        assert (proof.threads_at_work, proof.thread_cpu_ms) == (2, [100.0, 80.0])

    def test_one_thread_waits_for_no_other(self) -> None:
        system = LateWorker()
        self.watched(system, 1)
        assert system.looks == 2

    def test_threads_that_never_come_are_waited_for_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(page_sampling, "SETTLING_S", 0.1)
        proof = self.watched(LateWorker(ever=False), 2)
        assert (proof.threads_at_work, proof.threads_alive) == (1, 1)


HEAP = {"usedSize": 1000, "backingStorageSize": 2000.0, "totalSize": 4000}
TOLD = {"page": [{"at_ms": 1, "stage": "warmup", "wasm_heap_bytes": 9}, {"at_ms": 2, "stage": "prediction"}]}


class TestMemory:
    def test_readings_are_those_of_the_page_s_own_process(self) -> None:
        use = watched(FakeSystem(), "memory").completed(measurement(memory=TOLD)).memory
        assert use is not None
        assert [(reading.stage, reading.rss_kb) for reading in use.readings] == [("warmup", 80), ("prediction", 80)]
        assert use.peak_rss_kb == 800
        assert any("PSS and USS" in note for note in use.notes)

    def test_a_reading_above_the_kernel_s_rough_peak_is_the_peak(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Processes, "peak_rss_kb", lambda self, pid: 79)
        use = watched(FakeSystem(), "memory").completed(measurement(memory=TOLD)).memory
        assert use is not None
        assert use.peak_rss_kb == 80

    def test_the_heap_of_chrome_is_added_to_the_page_s_values(self) -> None:
        use = watched(FakeSystem(), "memory", FakePage(heap=HEAP)).completed(measurement(memory=TOLD)).memory
        assert use is not None
        assert [(one.js_heap_bytes, one.js_backing_bytes) for one in use.page] == [(1000, 2000)] * 2
        assert use.page[0].wasm_heap_bytes == 9

    @pytest.mark.parametrize("size", ["big", -1, 2**60, float("nan"), None, [1]])
    def test_a_heap_without_a_valid_size_is_ignored(self, size: Any) -> None:
        page = FakePage(heap={"usedSize": size})
        use = watched(FakeSystem(), "memory", page).completed(measurement(memory=TOLD)).memory
        assert use is not None
        assert {one.js_heap_bytes for one in use.page} == {None}

    def test_a_process_that_cannot_be_read_is_noted(self) -> None:
        use = watched(FakeSystem(denied=True), "memory").completed(measurement(memory=TOLD)).memory
        assert use is not None
        assert (use.readings, use.peak_rss_kb) == ([], None)
        assert use.notes == ["the system does not report the memory of the process that ran the page"]

    @pytest.mark.parametrize("denied", [False, True])
    def test_a_phone_s_own_service_is_asked_where_its_files_are_denied(self, denied: bool) -> None:
        dump = "Graphics: 50\nTOTAL PSS: 300 TOTAL RSS: 400"
        use = watched(FakeSystem(denied=denied, dump=dump), "memory").completed(measurement(memory=TOLD)).memory
        assert use is not None
        assert (use.readings[-1].stage, use.readings[-1].pss_kb) == ("prediction", 300)
        assert use.readings[-1].rss_kb == (400 if denied else 80)
        assert use.graphics_kb == 50
        assert "PSS after the predictions comes from dumpsys meminfo" in use.notes

    @pytest.mark.parametrize("error", [None, BlockFailed("the page crashed")])
    def test_samples_are_taken_until_the_page_has_answered_or_failed(self, error: BlockFailed | None) -> None:
        system, sampled = FakeSystem(), threading.Event()

        class Here(Processes):
            def running(self) -> dict[int, float]:
                if threading.current_thread().name == "memory of a page":
                    sampled.set()
                return dict(system.seconds)

        block = planned(web_case("tfjs", "wasm", "simd")).model_copy(update={"pass_": "memory"})
        page: Any = FakePage()
        recorded = RecordedPage(page, Here(HANDLE, system.files, here=True), block)
        target: Any = None
        with pytest.raises(BlockFailed) if error else nullcontext(), recording(target, recorded) as found:
            assert sampled.wait(60)
            system.computed(300, 10)
            found.paused("warmup")
            system.computed(100, 80)
            found.paused("prediction")
            if error:
                raise error
        assert "memory of a page" not in [thread.name for thread in threading.enumerate()]
        if error is None:
            use = found.completed(measurement(memory=TOLD)).memory
            assert use is not None
            assert use.period_ms == page_sampling.PERIOD_MS
            assert None in [reading.stage for reading in use.readings], "samples by the clock"
