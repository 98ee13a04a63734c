"""What an engine in a page cannot take is known before a page is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.core.errors import Unsupported
from mobilebench.engines import model_limits
from mobilebench.engines.web_frameworks import LITERTJS
from mobilebench.models.manifest import AddedManifest, Fill, Format, FormatFile, InputSpec, Manifest, ModelFiles
from tests.pinning import Pinned

from .test_web import FakeTarget
from .web_cases import planned, web_case


def files(folder: Path, own: Format, dtype: str = "float32", *, is_open: bool = False) -> ModelFiles:
    entry = FormatFile(
        path="net", sha256="0", bytes=1, inputs={"x": "x"}, outputs={"y": "y"}, open_inputs=["x"] if is_open else []
    )
    fill = Fill(kind="uniform", low=0, high=1)
    manifest = Manifest(
        source="added",
        model="net",
        precision="fp32",
        batch=1,
        weights="added: 0",
        seed=None,
        inputs=[InputSpec.model_validate({"name": "x", "dtype": dtype, "shape": [1, 4], "fill": fill.model_dump()})],
        outputs=["y"],
        formats={own: entry},
        reference=[],
        tolerance=1e-4,
        parameters=1,
        built_with={},
    )
    (folder / "net").write_bytes(b"net")
    return ModelFiles(folder, manifest)


@pytest.mark.parametrize(
    ("engine", "own", "dtype", "is_open", "says"),
    [
        ("litertjs", "tflite", "float32", True, "takes no model with open sizes (input x of net)"),
        ("litertjs", "tflite", "int64", False, "LiteRT.js has no int64 tensors"),
        ("litertjs", "tflite", "bool", False, "LiteRT.js has no bool tensors"),
        ("tfjs@4.2", "tfjs", "uint8", False, "TensorFlow.js has no uint8 tensors"),
    ],
)
def test_what_is_known_against_a_model_is_said(
    tmp_path: Path, engine: str, own: Format, dtype: str, is_open: bool, says: str
) -> None:
    assert says in str(model_limits.why_not(engine, files(tmp_path, own, dtype, is_open=is_open), own))


@pytest.mark.parametrize(
    ("engine", "own", "dtype", "is_open"),
    [("litertjs", "tflite", "float32", False), ("tflite", "tflite", "float32", True), ("ortjs", "onnx", "int64", True)],
)
def test_nothing_is_known_against_what_runs(
    tmp_path: Path, engine: str, own: Format, dtype: str, is_open: bool
) -> None:
    assert model_limits.why_not(engine, files(tmp_path, own, dtype, is_open=is_open), own) is None


def test_the_engine_says_so_before_a_page_is_opened(tmp_path: Path, pinned: Pinned) -> None:
    case = web_case("litertjs", "wasm", "relaxed-simd")
    with pinned.raises(Unsupported):
        LITERTJS.prepare(FakeTarget(), planned(case), files(tmp_path, "tflite", is_open=True))


def test_an_output_that_litertjs_cannot_hand_over_is_said(tmp_path: Path, pinned: Pinned) -> None:
    known = files(tmp_path, "tflite")
    given = AddedManifest(**known.manifest.model_dump(), output_dtypes={"y": "int64"})
    pinned(str(model_limits.why_not("litertjs", ModelFiles(tmp_path, given), "tflite")))
