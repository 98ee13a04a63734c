"""Files of weights: what is read, what is refused and why, and that a definition can be filled from one."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import save_file

from mobilebench.core.errors import BadInput
from mobilebench.models.weights import weights_file
from tests.pinning import Pinned

WEIGHTS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.float32([0.5, -1.5]), np.ones((1, 1, 2), np.float32)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "weights.safetensors"


def refusal(file: Path, sha256: str | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        weights_file.load(file, sha256)
    assert str(file) in caught.value.message
    assert caught.value.hint
    if sha256 is None:
        with pytest.raises(BadInput) as checked:
            weights_file.check(file)
        assert checked.value.message == caught.value.message
    return caught.value.message


def test_what_is_exported_is_loaded_in_order(file: Path) -> None:
    many = [np.full((number + 1,), number, np.float32) for number in range(12)]
    weights_file.export(many, file, model="squeezenet")
    weights_file.check(file)
    loaded = weights_file.load(file)
    assert [values.tolist() for values in loaded] == [values.tolist() for values in many]


@given(
    st.lists(
        arrays(
            np.float32,
            array_shapes(max_dims=4, max_side=3),
            elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
        max_size=12,
    )
)
@pytest.mark.slow
def test_every_finite_value_comes_back(weights: list[Any]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "w"
        weights_file.export(weights, file)
        for before, after in zip(weights, weights_file.load(file), strict=True):
            np.testing.assert_array_equal(before, after)


def test_the_same_weights_make_the_same_bytes(file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    weights_file.export(WEIGHTS, file, model="m")
    weights_file.export(WEIGHTS, again, model="m")
    assert file.read_bytes() == again.read_bytes()


def test_a_transposed_view_is_written_as_it_reads(file: Path) -> None:
    weights_file.export([WEIGHTS[0].T], file)
    np.testing.assert_array_equal(weights_file.load(file)[0], WEIGHTS[0].T)


def test_float16_is_widened(file: Path) -> None:
    save_file({"0": np.float16([0.1, 2.0])}, file)
    (loaded,) = weights_file.load(file)
    assert loaded.dtype == np.float32
    assert loaded.tolist() == np.float16([0.1, 2.0]).astype(np.float32).tolist()


def test_the_sum_is_checked_when_it_is_given(file: Path, pinned: Pinned) -> None:
    weights_file.export(WEIGHTS, file)
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    assert len(weights_file.load(file, right)) == 3
    file.write_bytes(file.read_bytes()[:-1] + b"@")
    pinned(refusal(file, right))


@pytest.mark.parametrize(
    "tensors",
    [
        pytest.param({}, id="none"),
        pytest.param({"1": WEIGHTS[1]}, id="from 1"),
        pytest.param({"0": WEIGHTS[0], "2": WEIGHTS[1]}, id="one left out"),
        pytest.param({"conv.weight": WEIGHTS[0], "conv.bias": WEIGHTS[1]}, id="by name"),
        pytest.param({"00": WEIGHTS[1]}, id="00"),
        pytest.param({"0": np.int64([1])}, id="int64"),
        pytest.param({"0": np.float64([1])}, id="float64"),
        pytest.param({"0": WEIGHTS[0], "1": np.float32([1, np.nan, np.inf])}, id="not finite"),
    ],
)
def test_what_does_not_fit_is_told(file: Path, tensors: dict[str, Any], pinned: Pinned) -> None:
    save_file(tensors, file)
    pinned(refusal(file))


def test_bfloat16_is_refused_by_name(file: Path, pinned: Pinned) -> None:
    header = json.dumps({"0": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    pinned(refusal(file))


@pytest.mark.parametrize(
    "content",
    [b"", b"no weights", b"\xff" * 64, b"PK\x03\x04" + bytes(60)],
    ids=["empty", "text", "huge header", "zip"],
)
def test_what_is_no_safetensors_is_told(file: Path, content: bytes, pinned: Pinned) -> None:
    file.write_bytes(content)
    pinned(refusal(file))


def test_a_truncated_file_is_told(file: Path, pinned: Pinned) -> None:
    weights_file.export(WEIGHTS, file)
    file.write_bytes(file.read_bytes()[:-1])
    pinned(refusal(file))


def test_a_missing_file_and_a_folder_are_told(file: Path, pinned: Pinned) -> None:
    pinned(refusal(file))
    pinned(refusal(file, "0" * 64))
    file.mkdir()
    pinned(refusal(file))


@given(st.integers(0, 200), st.integers(0, 255))
@pytest.mark.slow
def test_a_changed_byte_is_read_or_told(place: int, value: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "w"
        weights_file.export(WEIGHTS, file)
        content = bytearray(file.read_bytes())
        content[place % len(content)] = value
        file.write_bytes(content)
        try:
            loaded = weights_file.load(file)
        except BadInput:
            return
        assert all(np.isfinite(values).all() for values in loaded)


def test_a_template_is_not_written_over_a_file(file: Path, pinned: Pinned) -> None:
    file.write_bytes(b"mine")
    with pinned.raises(BadInput):
        weights_file.write_template("squeezenet", file)
    assert file.read_bytes() == b"mine"
    with pinned.raises(BadInput):
        weights_file.write_template("squeezenet", file.parent / "nowhere" / "file")


FILLED = """
import json, sys
from pathlib import Path
import numpy as np
from mobilebench.core.errors import BadInput
from mobilebench.models import registry
from mobilebench.models.weights import definition_weights, weights_file
from mobilebench.models.zoo import squeezenet
from mobilebench.models.zoo.blocks import Weights

folder = Path(sys.argv[1])
image = {"image": np.linspace(-1, 1, 224 * 224 * 3, dtype=np.float32).reshape(1, 224, 224, 3)}

def from_file(file):
    weights = definition_weights.PretrainedWeights(file)
    network = squeezenet.network(weights, 1)
    weights.finish()
    return network(image)["logits"].numpy(), weights

def complaint(arrays):
    weights_file.export(arrays, folder / "wrong")
    try:
        from_file(folder / "wrong")
    except BadInput as error:
        return error.message.removeprefix(str(folder / "wrong"))

seeded = Weights(squeezenet.SEED)
expected = squeezenet.network(seeded, 1)(image)["logits"].numpy()
same, weights = from_file(folder / "template")
arrays = weights_file.load(folder / "template")
halved = [values / 2 for values in arrays]
weights_file.export(halved, folder / "halved")
swapped = [arrays[1], arrays[0], *arrays[2:]]
print(json.dumps({
    "same": bool((same == expected).all()),
    "count": weights.count,
    "other": float(np.abs(from_file(folder / "halved")[0] - expected).max() / np.abs(expected).max()),
    "swapped": complaint(swapped),
    "short": complaint(arrays[:-1]),
    "long": complaint([*arrays, arrays[0]]),
}))
"""


@pytest.mark.build
def test_a_definition_is_filled_from_a_file(tmp_path: Path) -> None:
    shapes = weights_file.write_template("squeezenet", tmp_path / "template")
    assert len(shapes) == 52
    assert shapes[0] == (7, 7, 3, 96)
    done = subprocess.run(
        [sys.executable, "-c", FILLED, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["same"]
    assert found["count"] == 1_248_424
    assert found["other"] > 0.5
    assert found["swapped"] == ": tensor 0 is 96, where the definition has 7 × 7 × 3 × 96."
    assert found["short"] == " ends after 51 tensors; tensor 51 should be 1000."
    assert found["long"] == " has 53 tensors, of which the definition takes only 52."
