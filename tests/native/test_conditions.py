"""What a block is run under: cores, priority, page cache, model access, batch and input files, asked for and proven."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mobilebench.core import paths
from mobilebench.core.records import Measurement
from tests.native.models import negative
from tests.native.running import (
    FORMATS,
    INPUT,
    OUTPUT,
    SLEEP,
    measured,
    model_files,
    onnx_arguments,
    real_arguments,
    run,
    wait_until_predicting,
)

pytestmark = pytest.mark.build

CORES = sorted(os.sched_getaffinity(0))


def test_without_a_wish_a_process_runs_as_it_was_started(runner: Path) -> None:
    proof = measured(runner, *SLEEP).proof
    assert proof.affinity_asked == "none"
    assert proof.affinity == CORES
    assert proof.affinity_kept is True
    assert proof.priority == os.getpriority(os.PRIO_PROCESS, 0)
    assert proof.cpuset is None or proof.cpuset.startswith("/")


@pytest.mark.parametrize("engine", FORMATS)
def test_every_thread_of_an_engine_stays_on_the_cores_of_a_mask(runner: Path, engine: str) -> None:
    mask = hex(1 << CORES[-1])
    arguments = real_arguments(engine, "bert_small", threads="2", affinity=mask, max_predictions="3")
    proof = measured(runner, *arguments).proof
    assert (proof.affinity_asked, proof.affinity, proof.affinity_kept) == (mask, [CORES[-1]], True)
    assert proof.threads_alive is not None
    assert proof.threads_alive >= 2


def test_cores_that_are_not_there_are_unsupported(runner: Path) -> None:
    code, answer, _ = run(runner, *SLEEP, "--affinity", "0x1" + "0" * 200)
    assert (code, answer["status"]) == (3, "unsupported")
    assert ": the system does not give these cores: Invalid argument" in answer["reason"]


@pytest.mark.skipif(len(CORES) < 2, reason="one core cannot be left for another")
def test_cores_that_were_not_kept_are_reported(runner: Path) -> None:
    command = [runner, "--engine", "sleep", "--threads", "1", "--max-predictions", "100000", "--max-seconds", "3600"]
    with subprocess.Popen([*command, "--affinity", hex(1 << CORES[0])], stdout=subprocess.PIPE) as process:
        try:
            wait_until_predicting(process)
            os.sched_setaffinity(process.pid, {CORES[1]})
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    proof = Measurement.model_validate_json(output).proof
    assert (proof.affinity, proof.affinity_kept) == ([CORES[1]], False)


def test_priority_is_set_for_every_thread_and_read_back(runner: Path) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert measured(runner, *SLEEP, "--priority", str(min(own + 3, 19))).proof.priority == min(own + 3, 19)


def test_a_priority_that_is_refused_is_unsupported_in_the_systems_words(runner: Path) -> None:
    without_the_right = ("setpriv", "--bounding-set=-sys_nice") if os.geteuid() == 0 else ()
    code, answer, _ = run(runner, *SLEEP, "--priority", "-20", before=without_the_right)
    assert (code, answer["status"]) == (3, "unsupported")
    assert "priority -20 is refused here: Permission denied" in answer["reason"]


@pytest.fixture
def own_copy() -> Iterator[Callable[[str], str]]:
    """Copies a file of mobilenet_v2: no other process has the pages of the copy in use."""
    with tempfile.TemporaryDirectory(dir=paths.cache()) as folder:

        def copied(engine: str) -> str:
            found = model_files("mobilenet_v2").file(FORMATS[engine])
            assert found is not None
            return str(shutil.copy(found, folder))

        yield copied


@pytest.mark.parametrize("engine", FORMATS)
def test_page_cache_is_brought_about_and_looked_at(runner: Path, engine: str, own_copy: Callable[[str], str]) -> None:
    rule = {"max_predictions": "3", "min_predictions": "1", "model": own_copy(engine)}
    cold = measured(runner, *real_arguments(engine, "mobilenet_v2", page_cache="cold", **rule))
    warm = measured(runner, *real_arguments(engine, "mobilenet_v2", page_cache="warm", **rule))
    assert (cold.proof.caches_asked, warm.proof.caches_asked) == ("cold", "warm")
    assert cold.proof.model_resident is not None
    assert cold.proof.model_resident < 0.05
    assert (warm.proof.model_resident, warm.proof.library_resident) == (1, 1)
    assert cold.cost["setup"].major_faults > 0 or cold.cost["setup"].voluntary_switches > 0
    assert warm.cost["setup"].major_faults <= cold.cost["setup"].major_faults


@pytest.mark.parametrize("engine", FORMATS)
def test_a_mapped_model_computes_the_same(runner: Path, engine: str) -> None:
    read = measured(runner, *real_arguments(engine, "bert_small", max_predictions="3"))
    arguments = real_arguments(engine, "bert_small", max_predictions="3", model_access="mapped")
    mapped, *others = [measured(runner, *arguments) for _ in range(3)]
    assert (read.proof.model_access, mapped.proof.model_access) == ("read", "mapped")
    assert [one.digest for one in read.output] == [one.digest for one in mapped.output]
    least = min(one.setup_ms["model_read"] for one in (mapped, *others))
    assert least < read.setup_ms["model_read"], "the system may run other programs meanwhile, but not each time"


def test_a_batch_is_that_many_times_the_same_arithmetic(runner: Path) -> None:
    """Values follow from their index, so the first image of a batch is the only one of a batch of one."""
    one = measured(runner, *real_arguments("tflite", "mobilenet_v2", samples="5000", max_predictions="3"))
    three = measured(runner, *real_arguments("tflite", "mobilenet_v2", samples="5000", max_predictions="3", batch="3"))
    assert three.output[0].shape == [3, *one.output[0].shape[1:]]
    first = three.output[0].sample.value[: len(one.output[0].sample.value)]
    assert np.allclose(first, one.output[0].sample.value, atol=1e-5)


def test_a_batch_goes_into_a_model_that_leaves_it_open_and_is_refused_by_another(runner: Path, tmp_path: Path) -> None:
    open_ = negative(tmp_path / "open.onnx", "n", 4)
    fixed = negative(tmp_path / "fixed.onnx", 1, 4)
    assert measured(runner, *onnx_arguments(open_, *INPUT, *OUTPUT, "--batch", "5")).output[0].shape == [5, 4]
    code, answer, _ = run(runner, *onnx_arguments(fixed, *INPUT, *OUTPUT, "--batch", "5"))
    assert code in {1, 3}
    assert "Expected: 1" in answer["reason"]


@pytest.mark.parametrize(
    ("name", "number", "values"),
    [
        ("float32", 1, [-1.5, 0.0, 3e30, 7.0]),
        ("int32", 6, [-(2**31) + 1, 0, 1, 2**31 - 1]),
        ("int64", 7, [-(2**40), 0, 1, 2**40]),
        ("int8", 3, [-127, 0, 1, 127]),
    ],
)
def test_an_input_file_is_what_the_model_sees(
    runner: Path, tmp_path: Path, name: str, number: int, values: list[float]
) -> None:
    model = negative(tmp_path / "m.onnx", 4, dtype=number)
    path = tmp_path / "in,put.bin"
    path.write_bytes(np.array(values, dtype=f"<{np.dtype(name).str[1:]}").tobytes())
    given = ["--input", f"x,{name},4,file:{path}", *OUTPUT]
    output = measured(runner, *onnx_arguments(model, *given)).output[0]
    assert output.sample.value == [float(np.float32(-value)) for value in values]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("missing", "No such file"),
        ("empty", "is empty"),
        ("short", "holds 15 bytes, but its input has 16"),
        ("long", "holds 17 bytes, but its input has 16"),
        ("folder", "is not a file"),
        ("pipe", "is not a file"),
    ],
)
def test_an_input_file_that_does_not_fit_is_refused(runner: Path, tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "x.bin"
    sizes = {"empty": 0, "short": 15, "long": 17}
    if content == "folder":
        path.mkdir()
    elif content == "pipe":
        os.mkfifo(path)
    elif content in sizes:
        path.write_bytes(bytes(sizes[content]))
    code, answer, _ = run(runner, *SLEEP, "--input", f"x,float32,1x4,file:{path}")
    assert (code, answer["status"]) == (1, "error")
    assert words in answer["reason"]
    assert str(path) in answer["reason"]
