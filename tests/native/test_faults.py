"""Faults: whatever happens, the runner ends, and what it leaves is a whole answer or none."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import Measurement
from mobilebench.engines import libraries
from mobilebench.engines.runner_output import read_answer
from mobilebench.targets.base import ShellResult
from tests.native.models import endless_memory, negative
from tests.native.running import FORMATS, INPUT, OUTPUT, model_files, onnx_arguments, real_arguments, run

pytestmark = pytest.mark.build

OUTCOMES = {0: "ok", 1: "error", 2: "error", 3: "unsupported"}


def ends_well(command: list[str | Path], environment: dict[str, str] | None = None) -> int:
    """The exit code of a run that may die, but leaves a whole answer or none."""
    done = subprocess.run(
        command, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL, env=environment
    )
    if done.returncode in OUTCOMES:
        assert done.stdout.endswith(b"}\n"), done.stderr
        assert Measurement.model_validate_json(done.stdout).status == OUTCOMES[done.returncode]
    else:
        assert done.returncode < 0, done.stderr
        assert done.stdout == b""
        with pytest.raises(BlockFailed, match="was killed by signal"):
            read_answer(ShellResult(done.stdout, done.stderr, done.returncode), engine="x", target="host")
    return done.returncode


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_runner_that_is_killed_leaves_no_part_of_an_answer(runner: Path, number: signal.Signals) -> None:
    command = [runner, "--engine", "sleep", "--threads", "1", "--max-predictions", "100000", "--max-seconds", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(0.2)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (stdout, process.returncode) == (b"", -number)
    with pytest.raises(BlockFailed, match=f"host was killed by signal {number.value}"):
        read_answer(ShellResult(stdout, stderr, process.returncode), engine="sleep", target="host")


@pytest.mark.parametrize("megabytes", [16, 60, 120, 250, 500])
@pytest.mark.parametrize("engine", FORMATS)
def test_a_machine_out_of_memory_ends_in_words_or_by_a_signal(runner: Path, engine: str, megabytes: int) -> None:
    limit: list[str | Path] = ["prlimit", f"--as={megabytes * 2**20}", "--core=0", runner]
    code = ends_well([*limit, *real_arguments(engine, "mobilenet_v2", max_predictions="3")])
    assert code != 0 or megabytes >= 60


def test_an_output_that_is_full_or_closed_has_an_exit_code(runner: Path) -> None:
    command = f"{runner} --engine sleep --backend instant --threads 1"
    for output in (">/dev/full", ">&-"):
        done = subprocess.run(["sh", "-c", f"{command} {output}"], capture_output=True, check=False)
        assert done.returncode == 4
        assert done.stderr.startswith(b"mobilebench-runner: ")


@pytest.fixture
def elf() -> bytes:
    """The header of a shared library for this processor."""
    return libraries.library("tflite", libraries.host_build()).path.read_bytes()[:4096]


def changed(header: bytes, place: int, value: int) -> bytes:
    return header[:place] + bytes([value]) + header[place + 1 :]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("arm", "is built for arm (64 bits), this runner for"),
        ("riscv", "is built for riscv64 (64 bits), this runner for"),
        ("unknown", "is built for another processor"),
        ("32 bits", "(32 bits), this runner for"),
        ("program", "is an ELF file, but not a shared library"),
        ("text", "is not a shared library: it has no ELF header"),
        ("empty", "is not a shared library: it has no ELF header"),
        ("short", "is not a whole library: it was cut short or damaged"),
        ("pipe", "is not a file"),
        ("folder", "is not a file"),
        ("cut", "is not a whole library: it was cut short or damaged"),
    ],
)
@pytest.mark.parametrize("engine", FORMATS)
def test_a_library_that_cannot_be_loaded_has_a_reason(
    runner: Path, tmp_path: Path, elf: bytes, engine: str, damage: str, words: str
) -> None:
    library = tmp_path / "libengine.so"
    contents = {
        "arm": changed(elf, 18, 40),
        "riscv": changed(elf, 18, 243),
        "unknown": changed(elf, 18, 200),
        "32 bits": changed(elf, 4, 1),
        "program": changed(elf, 16, 2),
        "text": b"INPUT(libreal.so)\n" * 9,
        "empty": b"",
        "short": elf[:19],
        "cut": elf,
    }
    if damage == "pipe":
        os.mkfifo(library)
    elif damage == "folder":
        library.mkdir()
    else:
        library.write_bytes(contents[damage])
    for mode in ({}, {"check": "library"}):
        code, answer, _ = run(runner, *real_arguments(engine, "bert_small", library=str(library), **mode))
        assert (code, answer["status"]) == (3, "unsupported")
        assert words in answer["reason"]
        assert str(library) in answer["reason"]


def test_a_library_that_is_damaged_inside_ends_in_words_or_by_a_signal(
    runner: Path, tmp_path: Path, elf: bytes
) -> None:
    """Its headers are whole and the rest is nothing: the loader itself falls over it."""
    library = tmp_path / "libengine.so"
    library.write_bytes(elf + bytes(16 * 2**20))
    assert ends_well([runner, *real_arguments("tflite", "bert_small", library=str(library))]) != 0


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may read everything")
def test_files_that_may_not_be_read_are_named(runner: Path, tmp_path: Path) -> None:
    secret = tmp_path / "libengine.so"
    secret.write_bytes(b"\x7fELF")
    secret.chmod(0)
    powerless = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    for option, status in (("library", (3, "unsupported")), ("model", (1, "error"))):
        arguments = real_arguments("tflite", "bert_small", **{option: str(secret)})
        code, answer, _ = run(runner, *arguments, before=powerless)
        assert (code, answer["status"]) == status
        assert f"`{secret}` cannot be opened: Permission denied" in answer["reason"]


@pytest.mark.parametrize("engine", FORMATS)
def test_the_other_engines_format_is_refused(runner: Path, engine: str) -> None:
    (other,) = set(FORMATS) - {engine}
    model = model_files("bert_small").file(FORMATS[other])
    code, answer, _ = run(runner, *real_arguments(engine, "bert_small", model=str(model)))
    assert (code, answer["status"]) == (1, "error")
    assert "the model cannot be" in answer["reason"]


@pytest.mark.parametrize("engine", FORMATS)
@pytest.mark.parametrize("access", ["read", "mapped"])
def test_models_with_damage_anywhere_end_in_words_or_by_a_signal(
    runner: Path, tmp_path: Path, engine: str, access: str
) -> None:
    """The engines' own parsers may fall over a hostile file; the answer may not."""
    whole = model_files("bert_small").file(FORMATS[engine])
    assert whole is not None
    raw = whole.read_bytes()
    chance = random.Random(f"{engine} {access}")
    for number in range(6):
        damaged = bytearray(raw)
        for _ in range(40):
            near_an_end = chance.randrange(4096)
            damaged[near_an_end if chance.random() < 0.5 else -1 - near_an_end] = chance.randrange(256)
        path = tmp_path / f"{number}.model"
        path.write_bytes(damaged)
        changes = {"model": str(path), "model_access": access, "max_predictions": "3"}
        ends_well([runner, *real_arguments(engine, "bert_small", **changes)])
        path.unlink()


def test_a_model_that_asks_for_endless_memory_is_an_error(runner: Path, tmp_path: Path) -> None:
    model = endless_memory(tmp_path / "m.onnx")
    code = ends_well(["prlimit", f"--as={4 * 2**30}", "--core=0", runner, *onnx_arguments(model, *INPUT, *OUTPUT)])
    assert code != 0


def test_an_input_too_many_or_too_few_is_an_error(runner: Path, tmp_path: Path) -> None:
    model = negative(tmp_path / "m.onnx", 1, 4)
    second = ["--input", "z,float32,1x4,uniform:0:1"]
    code, answer, _ = run(runner, *onnx_arguments(model, *INPUT, *second, *OUTPUT))
    assert (code, answer["reason"]) == (1, "the model has 1 inputs, but 2 were given")
    code, answer, _ = run(runner, *onnx_arguments(model, *second, *OUTPUT))
    assert code == 1
    assert "z" in answer["reason"]


def test_open_sizes_follow_the_input_that_is_given(runner: Path, tmp_path: Path) -> None:
    model = negative(tmp_path / "m.onnx", "rows", "columns")
    for shape in ("1x4", "7x9"):
        given = ["--input", f"x,float32,open:{shape},uniform:0:1", *OUTPUT]
        code, answer, _ = run(runner, *onnx_arguments(model, *given))
        assert code == 0
        assert "x".join(str(size) for size in answer["output"][0]["shape"]) == shape
    code, answer, _ = run(runner, *onnx_arguments(model, "--input", "x,float32,4,uniform:0:1", *OUTPUT))
    assert (code, answer["status"]) == (1, "error")


def test_a_model_that_is_cut_while_it_is_mapped_is_reported(tmp_path: Path) -> None:
    result = ShellResult(b"", b"", -signal.SIGBUS)
    with pytest.raises(BlockFailed, match=r"signal 7: a file was cut short while it was used\?"):
        read_answer(result, engine="tflite", target="host")
