"""A store and exports that an earlier release wrote, before settings were split into axes."""

from __future__ import annotations

import json
import lzma
import tarfile
from pathlib import Path
from typing import Any

from mobilebench.results.store import FILE_NAME

_HERE = Path(__file__).parent

Axes = dict[str, str | None]

AXES_OF: dict[str, Axes] = {
    "host/tflite/cpu/xnnpack/t1/mlp_2x8/fp32/b1": {"delegate": "xnnpack", "arithmetic": "fp32"},
    "host/tflite/cpu/xnnpack-fp16/t1/mlp_2x8/fp32/b1": {"delegate": "xnnpack", "arithmetic": "fp16"},
    "host/tflite/cpu/reference/t1/mlp_2x8/fp32/b1": {"delegate": "none", "arithmetic": "fp32"},
    "host/tflite/gpu/fp32/t1/mlp_2x8/fp32/b1": {"arithmetic": "fp32"},
    "host/tflite/gpu/fp16/t1/mlp_2x8/fp32/b1": {"arithmetic": "fp16"},
    "host/tflite/nnapi/default/t1/mlp_2x8/fp32/b1": {"arithmetic": "fp32"},
    "host/tflite/nnapi/fp16/t1/mlp_2x8/fp32/b1": {"arithmetic": "fp16"},
    "host/onnxruntime/cpu/default/t1/mlp_2x8/fp32/b1": {},
    "host/onnxruntime/xnnpack/default/t1/mlp_2x8/fp32/b1": {},
    "host/onnxruntime/cuda/default/t1/mlp_2x8/fp32/b1": {"arithmetic": "fp32"},
    "host/onnxruntime/cuda/tf32/t1/mlp_2x8/fp32/b1": {"arithmetic": "tf32"},
    "host/sleep/cpu/instant/t1/mlp_2x8/fp32/b1": {"backend": "instant"},
    "host/tfjs/js/default/t1/chrome/mlp_2x8/fp32/b1": {},
    "host/tfjs/wasm/simd/t1/chrome/mlp_2x8/fp32/b1/gzip": {"wasm_build": "simd"},
    "host/tfjs/wasm/simd-threads/t1/chrome/mlp_2x8/fp32/b1/gzip": {"wasm_build": "simd-threads"},
    "host/tfjs/wasm/simd-threads/t2/chrome/mlp_2x8/fp32/b1/gzip": {"wasm_build": "simd-threads"},
    "host/tfjs/webgl/software/t1/chrome/mlp_2x8/fp32/b1/gzip": {"gpu": "software"},
    "host/tfjs/webgl/integrated/t1/chrome/mlp_2x8/fp32/b1": {"gpu": "integrated"},
    "host/ortjs/wasm/simd/t1/chrome/mlp_2x8/fp32/b1": {"wasm_build": "simd"},
    "host/ortjs/webnn/npu/t1/chrome/mlp_2x8/fp32/b1": {"device_type": "npu"},
    "host/litertjs/wasm/relaxed-simd/t1/chrome/mlp_2x8/fp32/b1": {"wasm_build": "relaxed-simd"},
}
"""What each case's setting, the fourth part of its key, means: the axes that it sets. The others do not apply."""

STATISTICS: dict[str, dict[str, Any]] = json.loads((_HERE / "statistics.json").read_text())
"""Status and statistics of each case, as the earlier release computed them."""


def unpack_store(folder: Path) -> None:
    """Put the store into a folder, as the earlier release left it."""
    (folder / FILE_NAME).write_bytes(lzma.decompress((_HERE / "results.sqlite.xz").read_bytes()))


def unpack_exports(folder: Path) -> None:
    """Put the exported tables into a folder: `TABLE.csv`, `TABLE.json` and `TABLE.parquet`."""
    with tarfile.open(_HERE / "exports.tar.xz") as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content is not None:
                (folder / Path(member.name).name).write_bytes(content.read())


def old_key(row: dict[str, Any]) -> str:
    """The key that the earlier release gave to the case of an exported row."""
    parts = [row["target"], row["engine"], row["backend"], row["setting"], f"t{row['threads']}", row["browser"]]
    usual = ("none", "as found", "split", "identity")
    rest = [row[name] for name in ("affinity", "caches", "link", "loader", "encoding") if row[name] not in usual]
    return "/".join([*(part for part in parts if part), row["model"], row["variant"], f"b{row['batch']}", *rest])
