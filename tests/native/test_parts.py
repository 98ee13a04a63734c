"""Single parts of the runner, in a sanitised build: the published formula, the summary, JSON strings, arguments."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobilebench.models import inputs
from mobilebench.models.manifest import InputSpec

pytestmark = pytest.mark.real

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
    assert answer(sanitized, "fill", *ARGUMENTS, "--input", text) == [inputs.fill(spec, 0).astype(int).tolist()]


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
    expected = inputs.summarise("y", values, samples)
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
