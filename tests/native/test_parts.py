"""Single parts of the runner, in a sanitised build: the published formula, the summary, JSON strings, arguments."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobilebench.models import synthetic_inputs
from mobilebench.models.manifest import InputSpec

pytestmark = pytest.mark.build

VECTORS = json.loads((Path(__file__).parents[1] / "models" / "input_vectors.json").read_text())
ARGUMENTS = ["--engine", "sleep", "--threads", "1"]


def probe(folder: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run([folder / "native-probe", *arguments], input=stdin, capture_output=True, check=False)
    assert done.stderr == b""
    return done


def answer(folder: Path, *arguments: str, stdin: bytes = b"") -> Any:
    done = probe(folder, *arguments, stdin=stdin)
    assert done.returncode == 0
    return json.loads(done.stdout)


def test_hash_of_the_published_vectors(sanitized: Path) -> None:
    for vector in VECTORS["hash"]:
        assert answer(sanitized, "hash", str(vector["position"]), str(vector["index"])) == vector["hash"]


@pytest.mark.parametrize("vector", VECTORS["fill"], ids=lambda v: f"{v['kind']}-{v['position']}")
def test_fill_of_the_published_vectors(sanitized: Path, vector: dict[str, Any]) -> None:
    kind = "float32" if "float32_bits" in vector else "int32"
    expected = vector["float32_bits"] if kind == "float32" else vector["integers"]
    text = f"a,b:0,{kind},2x{len(expected) // 2},{vector['kind']}:{vector['low']!r}:{vector['high']!r}"
    unused = ["--input", "unused,float32,1,uniform:0:1"] * vector["position"]
    assert answer(sanitized, "fill", *ARGUMENTS, *unused, "--input", text)[-1] == expected


@pytest.mark.parametrize(
    ("dtype", "shape", "low", "high"),
    [("int8", "4x8", -128, 128), ("uint8", "4x8", 0, 256), ("bool", "32", 0, 2), ("int64", "open:2x16", -3, 50)],
)
def test_fill_of_other_number_formats(sanitized: Path, dtype: str, shape: str, low: int, high: int) -> None:
    text = f"odd=name,{dtype},{shape},integers:{low}:{high}"
    spec = InputSpec.model_validate(
        {"name": "x", "dtype": dtype, "shape": [32], "fill": {"kind": "integers", "low": low, "high": high}}
    )
    assert answer(sanitized, "fill", *ARGUMENTS, "--input", text) == [
        synthetic_inputs.fill(spec, 0).astype(int).tolist()
    ]


def test_a_scalar_has_one_value(sanitized: Path) -> None:
    (values,) = answer(sanitized, "fill", *ARGUMENTS, "--input", "rate,int32,scalar,integers:7:8")
    assert values == [7]


@pytest.mark.parametrize("vector", VECTORS["summary"], ids=lambda v: v["digest"])
def test_summary_of_the_published_vectors(sanitized: Path, vector: dict[str, Any]) -> None:
    given = answer(sanitized, "summary", "64", *vector["float32_bits"])
    assert given["non_finite"] == vector["non_finite"]
    assert f"{given['digest']:08x}" == vector["digest"]
    assert given["index"] == vector["sample"]["index"]
    assert given["value"] == vector["sample"]["value"]
    for norm in ("l1", "l2", "max"):
        assert math.isclose(given[norm], vector[norm], rel_tol=1e-12)


@pytest.mark.parametrize("vector", [one for one in VECTORS["sample_indices"] if one["size"] <= 5000], ids=str)
def test_sample_indices_of_the_published_vectors(sanitized: Path, vector: dict[str, Any]) -> None:
    assert answer(sanitized, "summary", "64", *["3f800000"] * vector["size"])["index"] == vector["index"]


@pytest.mark.parametrize("samples", [1, 64, 4096, 65536])
@pytest.mark.parametrize("size", [1, 5000])
def test_as_many_samples_as_are_asked_for_but_no_element_twice(sanitized: Path, samples: int, size: int) -> None:
    values = np.arange(size, dtype="<f4") - 7
    given = answer(sanitized, "summary", str(samples), *[f"{bits:08x}" for bits in values.view("<u4")])
    expected = synthetic_inputs.summarise("y", values, samples)
    assert len(given["index"]) == min(size, samples)
    assert given["index"] == expected.sample.index
    assert given["value"] == expected.sample.value
    assert f"{given['digest']:08x}" == expected.digest


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_every_text_survives_as_json(sanitized: Path, text: str) -> None:
    assert answer(sanitized, "quote", stdin=text.encode()) == text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300).map(lambda raw: raw.replace(b"\0", b"")))
def test_every_byte_string_becomes_valid_json(sanitized: Path, raw: bytes) -> None:
    assert isinstance(answer(sanitized, "quote", stdin=raw), str)


WORDS = st.one_of(
    st.sampled_from(
        ["--engine", "--threads", "--input", "--output", "--max-seconds", "--samples", "--model", "--library", "-"]
    ),
    st.sampled_from(["x,float32,1x2,uniform:0:1", "x,int64,4,integers:-3:3", "a=b", "=", ",,,", "::", "9" * 40]),
    st.from_regex(
        r"[a-z]?,(float32|int32|int64|x),[0-9x]{0,12},(uniform|integers|u):-?[0-9.e]{0,6}:[0-9naif.]{0,6}",
        fullmatch=True,
    ),
    st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=8))
def test_any_arguments_are_taken_or_refused_without_a_fault(sanitized: Path, words: list[str]) -> None:
    assert probe(sanitized, "fill", *words).returncode in {0, 2}


KINDS = {
    "alike": dict.fromkeys(range(4), 1024),
    "nearly alike": {0: 1000, 1: 1024, 2: 1040, 3: 1000},
    "two": {0: 400, 1: 400, 2: 1024, 3: 1024},
    "three": {0: 300, 1: 300, 2: 300, 3: 300, 4: 800, 5: 800, 6: 800, 7: 1024},
    "four": {0: 300, 1: 300, 2: 850, 3: 850, 4: 930, 5: 930, 6: 930, 7: 1024},
}


def processors(root: Path, speeds: dict[int, int], file: str) -> Path:
    for core, speed in speeds.items():
        path = root / f"cpu{core}" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{speed}\n")
    return root


@pytest.mark.parametrize("file", ["cpu_capacity", "cpufreq/cpuinfo_max_freq"])
@pytest.mark.parametrize(
    ("kinds", "name", "cores"),
    [
        ("two", "little", [0, 1]),
        ("two", "big", [2, 3]),
        ("three", "little", [0, 1, 2, 3]),
        ("three", "big", [4, 5, 6]),
        ("three", "prime", [7]),
        ("four", "little", [0, 1]),
        ("four", "big", [2, 3, 4, 5, 6]),
        ("four", "prime", [7]),
    ],
)
def test_cores_by_name(sanitized: Path, tmp_path: Path, file: str, kinds: str, name: str, cores: list[int]) -> None:
    assert answer(sanitized, "cores", str(processors(tmp_path, KINDS[kinds], file)), name) == cores


@pytest.mark.parametrize(
    ("kinds", "name", "words"),
    [
        ("alike", "big", "affinity big: all cores are alike"),
        ("nearly alike", "little", "affinity little: all cores are alike"),
        ("two", "prime", "affinity prime: there are only two kinds of cores, little and big"),
    ],
)
def test_cores_that_cannot_be_named(sanitized: Path, tmp_path: Path, kinds: str, name: str, words: str) -> None:
    done = probe(sanitized, "cores", str(processors(tmp_path, KINDS[kinds], "cpu_capacity")), name)
    assert (done.returncode, json.loads(done.stdout)) == (3, words)


@pytest.mark.parametrize("content", [None, "", "fast", "-1", "99999999999999999999"])
def test_cores_that_do_not_tell_their_speed(sanitized: Path, tmp_path: Path, content: str | None) -> None:
    processors(tmp_path, KINDS["two"], "cpu_capacity")
    file = tmp_path / "cpu1" / "cpu_capacity"
    file.unlink()
    if content is not None:
        file.write_text(content)
    done = probe(sanitized, "cores", str(tmp_path), "big")
    assert done.returncode == 3
    assert "does not report the speed of its cores" in json.loads(done.stdout)


def test_a_core_that_is_off_is_left_out(sanitized: Path, tmp_path: Path) -> None:
    processors(tmp_path, KINDS["two"], "cpu_capacity")
    (tmp_path / "cpu3" / "cpu_capacity").unlink()
    (tmp_path / "cpu3" / "online").write_text("0\n")
    assert answer(sanitized, "cores", str(tmp_path), "big") == [2]


ROLLUP = """55ff8ecf1000-7ffe8204b000 ---p 00000000 00:00 0                          [rollup]
Rss:                1808 kB
Pss:                 203 kB
Pss_Anon:            116 kB
Shared_Clean:       1500 kB
Private_Clean:        16 kB
Private_Dirty:       116 kB
Anonymous:           120 kB
"""
MAP = "Rss: 100 kB\nPss: 60 kB\nPrivate_Clean: 10 kB\nPrivate_Dirty: 20 kB\nAnonymous: 30 kB\nVmFlags: rd\n"
UNTOLD = {"source": None, "rss_kb": -1, "pss_kb": -1, "uss_kb": -1, "anonymous_kb": -1, "file_kb": -1, "peak_kb": -1}


def test_memory_of_a_rollup(sanitized: Path, tmp_path: Path) -> None:
    (tmp_path / "smaps_rollup").write_text(ROLLUP)
    (tmp_path / "status").write_text("Name:\tx\nVmPeak:\t   9999 kB\nVmHWM:\t    2264 kB\nVmRSS:\t 1808 kB\n")
    assert answer(sanitized, "memory", str(tmp_path)) == {
        "source": "smaps_rollup",
        "rss_kb": 1808,
        "pss_kb": 203,
        "uss_kb": 132,
        "anonymous_kb": 120,
        "file_kb": 1688,
        "peak_kb": 2264,
    }


def test_memory_of_an_older_kernel_is_the_sum_of_its_maps(sanitized: Path, tmp_path: Path) -> None:
    (tmp_path / "smaps").write_text(f"00400000-0048b000 r-xp 00000000 fd:03 960637 /x\n{MAP}" * 1000)
    found = answer(sanitized, "memory", str(tmp_path))
    assert found == {
        **UNTOLD,
        "source": "smaps",
        "rss_kb": 100000,
        "pss_kb": 60000,
        "uss_kb": 30000,
        "anonymous_kb": 30000,
        "file_kb": 70000,
    }


def test_memory_without_maps_knows_neither_pss_nor_uss(sanitized: Path, tmp_path: Path) -> None:
    (tmp_path / "statm").write_text("600 452 410 20 0 90 0\n")
    page = os.sysconf("SC_PAGE_SIZE") // 1024
    assert answer(sanitized, "memory", str(tmp_path)) == {
        **UNTOLD,
        "source": "statm",
        "rss_kb": 452 * page,
        "anonymous_kb": 42 * page,
        "file_kb": 410 * page,
    }


@pytest.mark.parametrize("text", ["", "\n", "Rss: many kB\n", "Rss: 99999999999999999999 kB\n", "x" * 5000])
def test_memory_that_is_not_reported(sanitized: Path, tmp_path: Path, text: str) -> None:
    for name in ("smaps_rollup", "smaps", "statm", "status"):
        (tmp_path / name).write_text(text)
    assert answer(sanitized, "memory", str(tmp_path)) == UNTOLD


MEMINFO = """Applications Memory Usage (in Kilobytes):
** MEMINFO in pid 4242 [mobilebench-runner] **
 App Summary
           Java Heap:        0                              0
         Native Heap:    35840                          36000
            Graphics:     6044                           6044
"""


@pytest.mark.parametrize(
    ("script", "kb", "why"),
    [
        (f"cat <<'END'\n{MEMINFO}END", 6044, ""),
        (f'[ "$1" = meminfo ] && [ "$2" = $PPID ] && cat <<END\n{MEMINFO}END', 6044, ""),
        ("echo 'No process found for: 7'", -1, "dumpsys meminfo has no value for this process"),
        ("exit 20", -1, "dumpsys meminfo has no value for this process"),
        (f"cat <<END\n{MEMINFO}END\nexec sleep 60", -1, "dumpsys did not end within 1 s"),
        ("exec >&-; exec sleep 60", -1, "dumpsys meminfo has no value for this process"),
    ],
)
def test_graphics_memory_by_dumpsys(sanitized: Path, tmp_path: Path, script: str, kb: int, why: str) -> None:
    program = tmp_path / "dumpsys"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    assert answer(sanitized, "graphics", str(program)) == {"kb": kb, "why": why}


def test_without_dumpsys_graphics_memory_is_unknown(sanitized: Path) -> None:
    assert answer(sanitized, "graphics", "/nowhere/dumpsys") == {"kb": -1, "why": "there is no /nowhere/dumpsys"}
