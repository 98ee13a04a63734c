"""The parts of the process that measures TensorFlow, without TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.engines.tensorflow_worker import block, memory, network, options, system
from mobilebench.engines.tensorflow_worker.options import BAD_ARGUMENT, UNSUPPORTED, Problem
from tests.pinning import Pinned

NEEDED = ["--max-predictions", "5", "--max-seconds", "1", "--model", "m/saved_model.pb", "--output", "logits=out"]
INPUT = ["--input", "image,float32,1x2x2x3,uniform:-1.0:1.0"]


def parsed(*more: str) -> options.Options:
    return options.parse([*NEEDED, *INPUT, *more])


def test_the_runners_command_line_is_understood() -> None:
    given_ = parsed("--input", "ids,int32,open:1x8,integers:0.0:30522.0", "--threads", "4", "--pass", "memory")
    assert given_.inputs == (
        options.Input("image", "float32", (1, 2, 2, 3), "uniform", -1.0, 1.0),
        options.Input("ids", "int32", (1, 8), "integers", 0.0, 30522.0),
    )
    assert given_.outputs == {"logits": "out"}
    assert (given_.threads, given_.pass_, given_.min_predictions) == (4, "memory", 1)


def test_names_may_hold_commas_and_tensors_may_be_scalars() -> None:
    (_, one) = parsed("--input", "a,b:0,int64,scalar,file:x.bin").inputs
    assert (one.name, one.shape, one.file) == ("a,b:0", (), Path("x.bin"))


@pytest.mark.parametrize(
    "wrong",
    [
        ["--threads", "0"],
        ["--threads", "257"],
        ["--threads", "1e3"],
        ["--max-predictions", "1000000000"],
        ["--max-seconds", "nan"],
        ["--max-seconds", "-1"],
        ["--min-predictions", "6"],
        ["--samples", "65537"],
        ["--priority", "20"],
        ["--pass", "all"],
        ["--backend", "cuda"],
        ["--arithmetic", "fp16"],
        ["--page-cache", "hot"],
        ["--memory-period", "0"],
        ["--input", "image"],
        ["--input", "image,float32,1x2x2x3,uniform:-1.0:1.0"],
        ["--input", "x,float16,1,uniform:0:1"],
        ["--input", "x,float32,1x0,uniform:0:1"],
        ["--input", "x,float32,99999999999,uniform:0:1"],
        ["--input", "x,float32,65536x65536x65536,uniform:0:1"],
        ["--input", "x,float32,-1,uniform:0:1"],
        ["--input", "x,float32,1,uniform:1:0"],
        ["--input", "x,float32,1,uniform:0:inf"],
        ["--input", "x,int32,1,integers:0.5:3"],
        ["--input", "x,int32,1,normal:0:1"],
        ["--output", "logits"],
        ["--output", "logits=other"],
        ["--nonsense", "1"],
        ["stray"],
    ],
)
def test_an_unusable_argument_has_exit_code_2(wrong: list[str]) -> None:
    with pytest.raises(Problem) as caught:
        parsed(*wrong)
    assert caught.value.exit_code == BAD_ARGUMENT
    assert caught.value.reason


def test_what_is_needed_is_missed() -> None:
    for needed in ("--max-predictions", "--max-seconds", "--model", "--output"):
        place = NEEDED.index(needed)
        with pytest.raises(Problem, match=needed):
            options.parse([*NEEDED[:place], *NEEDED[place + 2 :], *INPUT])
    with pytest.raises(Problem, match="--input"):
        options.parse(NEEDED)


@given(st.text(max_size=60))
@pytest.mark.slow
def test_any_input_argument_is_understood_or_refused(text: str) -> None:
    try:
        found = parsed("--input", text).inputs[-1]
    except Problem as problem:
        assert problem.exit_code == BAD_ARGUMENT
    else:
        assert text.startswith(f"{found.name},{found.dtype},")


def test_the_clock_moves_and_costs_little() -> None:
    facts = [system.clock_facts() for _ in range(5)]
    assert all(0 < one.resolution_ms < 1 for one in facts)
    assert 0 < min(one.cost_ms for one in facts) < 0.1  # a busy machine may stop this process meanwhile
    before = system.now_ms()
    time.sleep(0.005)
    assert system.now_ms() - before >= 5


def test_processor_features_come_from_the_first_processor(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx2 fma rdrand\n\nprocessor\t: 1\nflags\t\t: avx512f\n")
    assert system.cpu_features(cpuinfo) == ["fma", "avx2"]
    cpuinfo.write_text("processor\t: 0\nFeatures\t: fp asimd asimddp\n")
    assert system.cpu_features(cpuinfo) == ["asimd", "asimddp"]
    cpuinfo.write_text("nothing of the kind\n")
    assert system.cpu_features(cpuinfo) == []


def test_cpu_time_is_reported_by_thread() -> None:
    before = system.read_threads()
    end = time.thread_time() + 0.03
    while time.thread_time() < end:
        pass
    used = system.threads_since(before, system.read_threads())
    assert [one.cpu_ms >= 30 for one in used if one.id == os.getpid()] == [True]
    assert used == sorted(used, key=lambda one: -one.cpu_ms)


def thread(number: int, name: str, cpu_ms: float) -> system.Thread:
    return system.Thread(number, name, cpu_ms)


@pytest.mark.parametrize(
    ("used", "count", "where"),
    [
        ([thread(2, "tf_Compute", 300), thread(1, "python", 40), thread(3, "python", 0)], 1, "the executor"),
        ([thread(3, "python", 210), thread(4, "python", 209), thread(2, "tf_Compute", 70)], 2, "the pool"),
        ([thread(3, "python", 210), thread(4, "python", 2), thread(9, "python", 200)], 1, "the pool"),
        ([thread(1, "python", 40), thread(2, "tf_Compute", 0)], 0, "the executor"),
        ([], 0, "the executor"),
    ],
)
def test_only_threads_that_compute_kernels_are_counted(used: list[system.Thread], count: int, where: str) -> None:
    found = system.at_work(used, {1, 9, None})
    assert found.computing == count
    assert where in found.source
    assert found.alive == len([one for one in used if one.id not in (1, 9)])


def test_costs_are_differences() -> None:
    before = system.cost_now()
    bytearray(2**24)
    spent = system.cost_now().since(before)
    assert spent.minor_faults >= 0
    assert spent.user_ms >= 0
    assert system.Cost(1, 1, 1, 1, 1, 1).since(system.Cost(2, 2, 1, 1, 0, 1)) == system.Cost(0, 0, 0, 0, 1, 0)


def fake_cores(root: Path, speeds: dict[int, int | None], off: tuple[int, ...] = ()) -> Path:
    for core, speed in speeds.items():
        folder = root / f"cpu{core}"
        folder.mkdir()
        if speed is not None:
            (folder / "cpu_capacity").write_text(f"{speed}\n")
        if core in off:
            (folder / "online").write_text("0\n")
    return root


PHONE: dict[int, int | None] = {0: 300, 1: 300, 2: 310, 3: 300, 4: 800, 5: 800, 6: 900, 7: 1024}


@pytest.mark.parametrize(
    ("name", "found"),
    [("little", {0, 1, 2, 3}), ("big", {4, 5, 6}), ("prime", {7}), ("0xf0", {4, 5, 6, 7}), ("0x1", {0})],
)
def test_cores_are_named_by_their_speeds(tmp_path: Path, name: str, found: set[int]) -> None:
    assert system.cores_asked(name, fake_cores(tmp_path, PHONE)) == found


def test_cores_that_are_off_do_not_count(tmp_path: Path, pinned: Pinned) -> None:
    root = fake_cores(tmp_path, {0: 400, 1: 400, 2: 1000, 3: None}, off=(3,))
    assert system.cores_asked("big", root) == {2}
    with pinned.raises(Problem) as caught:
        system.cores_asked("prime", root)
    assert caught.value.exit_code == UNSUPPORTED


def test_cores_that_are_alike_or_do_not_tell_have_no_names(tmp_path: Path, pinned: Pinned) -> None:
    with pytest.raises(Problem, match="alike"):
        system.cores_asked("big", fake_cores(tmp_path, {0: 1000, 1: 1020}))
    silent = tmp_path / "silent"
    silent.mkdir()
    with pinned.raises(Problem):
        system.cores_asked("big", fake_cores(silent, {0: None}))


@pytest.mark.parametrize("wrong", ["0x0", "0x", "0b1", "15", "Big", "0xg", ""])
def test_an_affinity_that_is_neither_name_nor_mask_is_refused(wrong: str) -> None:
    with pytest.raises(Problem) as caught:
        system.cores_asked(wrong)
    assert caught.value.exit_code == BAD_ARGUMENT


def test_cores_and_priority_are_taken_and_read_back() -> None:
    script = (
        "import os; from mobilebench.engines.tensorflow_worker import system\n"
        "only = frozenset({min(os.sched_getaffinity(0))})\n"
        "system.take_cores(only, 15); kept = system.read_cores(only)\n"
        "assert kept.cores == sorted(only) and kept.kept and kept.priority == 15, kept\n"
        "assert not system.read_cores(frozenset({999})).kept\n"
        "try: system.take_cores(frozenset({1023}), 0)\n"
        "except system.Problem as problem: print(problem.reason)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the cores cannot be chosen")


ROLLUP = """\
55d0c0a00000-7ffd5c5f3000 ---p 00000000 00:00 0                          [rollup]
Rss:               10000 kB
Pss:                7000 kB
Private_Clean:      1000 kB
Private_Dirty:      4000 kB
Anonymous:          4500 kB
"""


def test_a_rollup_is_split_into_its_parts() -> None:
    assert memory.parse(1.5, "warmup", ROLLUP) == memory.Reading(1.5, "warmup", 10000, 7000, 5000, 4500, 5500)
    assert memory.parse(0, None, "Rss: 10 kB\n") == memory.Reading(0, None, 10, None, None, None, None)
    assert memory.parse(0, None, "Pss: 10 kB\n") is None
    assert memory.parse(0, None, "") is None


def test_memory_is_read_by_the_clock_and_at_the_ends_of_stages(tmp_path: Path) -> None:
    rollup = tmp_path / "smaps_rollup"
    rollup.write_text(ROLLUP)
    began = time.monotonic()
    begun = threading.Semaphore(0)

    def clock() -> float:
        begun.release()
        return (time.monotonic() - began) * 1e3

    watch = memory.MemorySampler(clock, 5, rollup)
    watch.start()
    for _ in range(5):  # when the fifth reading begins, four have been made
        assert begun.acquire(timeout=60)
    watch.stage_ended("warmup")
    rollup.unlink()
    found = watch.stop()
    assert [one.stage for one in found if one.stage] == ["warmup"]
    by_clock = [one.at_ms for one in found if one.stage is None]
    assert len(by_clock) >= 4
    assert all(later - earlier >= 4.9 for earlier, later in pairwise(by_clock[1:]))
    assert found == sorted(found, key=lambda one: one.at_ms)


def test_a_reading_above_the_kernel_s_rough_peak_is_the_peak(tmp_path: Path) -> None:
    readings = [memory.Reading(at, None, kb, None, None, None, None) for at, kb in ((0, 700), (1, 900), (2, 800))]
    status = tmp_path / "status"
    assert memory.peak_rss_kb(readings, status) is None
    for counted, peak in ((899, 900), (901, 901)):
        status.write_text(f"VmHWM:\t{counted} kB\nVmRSS:\t800 kB\n")
        assert memory.peak_rss_kb(readings, status) == peak
    assert (memory.peak_rss_kb([]) or 0) > 1000


def test_the_page_cache_is_filled_emptied_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(os.urandom(2**20))
    (tmp_path / "empty").touch()
    memory.prepare_page_cache([file], "warm")
    assert memory.resident([file, tmp_path / "empty"]) == 1.0
    memory.prepare_page_cache([file], "cold")
    cold = memory.resident([file])
    assert cold is not None
    assert cold <= 1.0
    memory.prepare_page_cache([file], "as found")
    assert memory.resident([]) is None
    with pytest.raises(OSError, match="none"):
        memory.prepare_page_cache([tmp_path / "none"], "cold")


DEVICE = "/job:localhost/replica:0/task:0/device:{}:0"


def test_operators_are_counted_by_device() -> None:
    on = DEVICE.format
    found = network.placed([("Conv2D", on("GPU")), ("_Arg", on("CPU")), ("TopKV2", on("CPU")), ("Relu", on("GPU"))])
    assert found.nodes == {"GPU": 2, "CPU": 1}
    assert found.backend == "gpu"
    assert network.placed([("Conv2D", on("CPU")), ("Const", on("GPU"))]).backend == "cpu"
    assert network.kind_of("somewhere") == "unknown"


def test_mapped_files_are_read_from_the_kernels_list(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "7f00-7f01 r-xp 00000000 fe:00 12 /opt/tensorflow/libtensorflow_cc.so.2\n"
        "7f02-7f03 r--p 00000000 fe:00 13 /opt/my models/variables.data\n"
        "7f04-7f05 rw-p 00000000 00:00 0 [heap]\n7f06-7f07 rw-p 00000000 00:00 0\n"
    )
    assert network.libraries(maps) == [Path("/opt/tensorflow/libtensorflow_cc.so.2")]
    assert Path("/opt/my models/variables.data") in network.mapped(maps)


def plane(name: str, lines: dict[str, list[tuple[str, str, float, float]]]) -> Any:
    """A plane of a trace; events are name, operator type, start and length in ms."""
    events = [event for line in lines.values() for event in line]
    about = {number: SimpleNamespace(name=one[0], display_name=one[1]) for number, one in enumerate(events)}
    numbers = iter(about)
    return SimpleNamespace(
        name=name,
        event_metadata=about,
        lines=[
            SimpleNamespace(
                name=line,
                timestamp_ns=1_000_000,
                events=[
                    SimpleNamespace(metadata_id=next(numbers), offset_ps=one[2] * 1e9, duration_ps=one[3] * 1e9)
                    for one in ran
                ],
            )
            for line, ran in lines.items()
        ],
    )


MARKS = [("mobilebench", "", 10.0, 10.0), ("mobilebench", "", 30.0, 10.0)]


def test_operators_are_sorted_into_the_inferences_in_which_they_ran() -> None:
    ran = [
        ("net/conv:Conv2D", "Conv2D", 12.0, 2.0),
        ("net/relu:Relu", "Relu", 15.0, 1.0),
        ("ExecutorState::Process", "", 11.0, 8.0),
        ("net/conv:Conv2D", "Conv2D", 32.0, 0.5),
        ("net/conv:Conv2D", "Conv2D", 33.0, 0.25),
        ("net/late:Relu", "Relu", 50.0, 1.0),
    ]
    space = SimpleNamespace(planes=[plane("/host:CPU", {"python": MARKS, "tf_Compute/1": ran})])
    conv, relu = network.operators(space, 2)
    assert (conv.name, conv.provider) == ("net/conv:Conv2D", "CPU")
    assert conv.values == pytest.approx({0: 2.0, 1: 0.75})
    assert relu.values == pytest.approx({0: 1.0})
    with pytest.raises(Problem, match="2 of 3"):
        network.operators(space, 3)


def test_on_a_gpu_kernels_differ_from_their_launches() -> None:
    space = SimpleNamespace(
        planes=[
            plane("/host:CPU", {"python": MARKS, "tf_Compute/1": [("net/conv:Conv2D", "Conv2D", 12.0, 0.1)]}),
            plane(
                "/device:GPU:0",
                {
                    "Stream #7(Compute)": [("cudnn_conv", "", 12.5, 3.0)],
                    "TensorFlow Ops": [("net/conv:Conv2D", "Conv2D", 12.5, 3.0)],
                },
            ),
        ]
    )
    found = {one.name: one.provider for one in network.operators(space, 2)}
    assert found == {"net/conv:Conv2D": "CPU (launch)", "cudnn_conv": "GPU:0"}


def test_an_input_file_has_to_hold_the_whole_tensor(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "x.bin"
    np.arange(4, dtype="<i4").tofile(file)
    one = options.Input("x", "int32", (2, 2), "file", file=file)
    assert block.filled(one, 0).tolist() == [[0, 1], [2, 3]]
    with pytest.raises(Problem, match="16 bytes"):
        block.filled(options.Input("x", "int64", (2, 2), "file", file=file), 0)
    with pinned.raises(Problem):
        block.filled(options.Input("x", "int32", (2, 2), "file", file=tmp_path / "none"), 0)


def test_a_problem_becomes_an_answer() -> None:
    told = block.measurement(None, Problem("no such thing", UNSUPPORTED), "kernels")
    assert (told.status, told.reason, told.pass_, told.engine) == (
        "unsupported",
        "no such thing",
        "kernels",
        "tensorflow",
    )
    assert block.measurement(None, Problem("bad", BAD_ARGUMENT), "timing").status == "error"


@pytest.mark.slow
def test_the_process_answers_with_one_json_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mobilebench.engines.tensorflow_worker", "--threads", "0", "--pass", "memory"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == BAD_ARGUMENT
    assert done.stdout.count("\n") == 1
    assert '"pass":"memory"' in done.stdout


@pytest.mark.slow
def test_a_closed_pipe_ends_the_process_with_its_own_code(pinned: Pinned) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mobilebench.engines.tensorflow_worker", "--threads", "0"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 4
    pinned(done.stderr)


@pytest.mark.parametrize(("asked", "told"), [((), 4.0), (("--answer", "last"), 4.0), (("--answer", "first"), 1.0)])
def test_the_answer_is_that_of_the_inference_that_was_asked_for(asked: tuple[str, ...], told: float) -> None:
    counted = iter(range(1, 100))
    model: Any = SimpleNamespace(predict=lambda: {"logits": float(next(counted))})
    stages: Any = SimpleNamespace(stage_begins=lambda: None, stage_ended=lambda stage: None)
    made = block.Block(parsed("--min-predictions", "3", "--max-predictions", "3", *asked))
    block._predict(made, model, stages, None)
    assert made.answer == {"logits": told}
