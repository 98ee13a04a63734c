"""Every backend, delegate and arithmetic of the native engines on this computer: measured, or unsupported and why."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilebench.core import agreement
from mobilebench.core.records import Kernel, Measurement
from mobilebench.models import obtain
from mobilebench.verdicts.rules import HALF_PRECISION
from tests.native.running import INPUT, OUTPUT, measured, model_files, onnx_arguments, real_arguments, run

pytestmark = pytest.mark.build

FP16 = {"arithmetic": "fp16", "allow_fp16": "1"}
FEW = {"max_predictions": "5"}


def computes_fp16(measurement: dict[str, Any]) -> bool:
    return bool({"avx512_fp16", "asimdhp"} & set(measurement["proof"]["cpu_features"]))


def whole_ms(measurement: Measurement) -> float:
    return sum(measurement.prediction_ms)


def of_predictions(kernels: list[Kernel]) -> Iterator[tuple[float, ...]]:
    """The times of all kernels in each prediction."""
    return zip(*(kernel.times_ms for kernel in kernels), strict=True)


def sum_ms(kernels: list[Kernel]) -> float:
    return sum(time for kernel in kernels for time in kernel.times_ms)


def most_in_kernels(measurement: Measurement) -> float:
    """The largest part of a prediction's time that its kernels took: between two kernels the system may run other
    programs, but not in each prediction."""
    sums = [sum(times) for times in of_predictions(measurement.kernels)]
    return max(part / whole for part, whole in zip(sums, measurement.prediction_ms, strict=True))


def test_reference_runs_on_tensorflow_lites_own_kernels_alone(runner: Path) -> None:
    own = measured(runner, *real_arguments("tflite", "bert_small", delegate="none", **FEW))
    assert own.proof.delegates == []
    assert own.proof.graph_nodes == 102
    assert own.proof.backend == "cpu"
    assert any("102 of 102 ran on TensorFlow Lite's own kernels" in note for note in own.proof.notes)
    delegated = measured(runner, *real_arguments("tflite", "bert_small", delegate="xnnpack", **FEW))
    assert sum(share.nodes for share in delegated.proof.delegates) == 98
    assert min(own.prediction_ms) > min(delegated.prediction_ms)


def test_reference_kernels_with_threads_of_their_own_move_no_tensor_unseen(runner: Path) -> None:
    threaded = measured(runner, *real_arguments("tflite", "mobilenet_v2", delegate="none", threads="2", **FEW))
    manifest = model_files("mobilenet_v2").manifest
    assert agreement.disagreements(manifest.reference, threaded.output, manifest.tolerance) == []
    assert len(threaded.prediction_ms) >= 3


def test_float16_is_forced_or_refused(runner: Path) -> None:
    arguments = real_arguments("tflite", "mobilenet_v2", **FP16, **FEW)
    code, answer, _ = run(runner, *arguments, "--pass", "kernels")
    if not computes_fp16(answer):
        assert code == 3
        assert "no float16 arithmetic" in answer["reason"]
        return
    assert code == 0, answer["reason"]
    measurement = Measurement.model_validate(answer)
    assert "XNNPACK's flags, read back, force float16" in measurement.proof.notes
    named = [kernel.name for kernel in measurement.kernels]
    assert sum("F16" in name for name in named) > 50
    assert not any("F32" in name for name in named)


def test_float16_changes_the_answer_within_half_precision(runner: Path) -> None:
    assert "fp16" in HALF_PRECISION
    code, answer, _ = run(runner, *real_arguments("tflite", "mobilenet_v2", **FP16, **FEW))
    if not computes_fp16(answer):
        assert code == 3
        return
    half = Measurement.model_validate(answer).output
    full = measured(runner, *real_arguments("tflite", "mobilenet_v2", **FEW)).output
    manifest = model_files("mobilenet_v2").manifest
    assert agreement.disagreements(manifest.reference, full, manifest.tolerance) == []
    assert 1e-5 < np.abs(np.array(half[0].sample.value) - full[0].sample.value).max() / full[0].max < 0.02


def test_float16_of_a_model_in_8_bits_is_refused(runner: Path) -> None:
    code, answer, _ = run(runner, *real_arguments("tflite", obtain.ensure("mlp_2x8", "int8"), **FP16))
    assert (code, answer["status"]) == (3, "unsupported")
    assert "float16" in answer["reason"]


@pytest.mark.parametrize(
    ("engine", "changes", "code", "reason"),
    [
        ("tflite", {"arithmetic": "fp16"}, 2, "has to be permitted by --allow-fp16 1"),
        ("tflite", {"backend": "gpu"}, 3, "no GPU delegate: it lacks TfLiteGpuDelegateOptionsV2Default"),
        ("tflite", {"backend": "gpu", "arithmetic": "fp16", "allow_fp16": "1"}, 3, "no GPU delegate"),
        ("tflite", {"backend": "gpu", "delegate_library": "/nowhere/gpu.so"}, 1, "/nowhere/gpu.so"),
        ("tflite", {"backend": "nnapi"}, 3, "no NNAPI delegate: it lacks TfLiteNnapiDelegateOptionsDefault"),
        ("tflite", {"delegate": "none", "arithmetic": "fp16", "allow_fp16": "1"}, 2, "needs a delegate"),
        ("tflite", {"delegate": "hexagon"}, 2, "backend `cpu` of engine `tflite` has no delegate `hexagon`"),
        ("tflite", {"arithmetic": "tf32"}, 2, "has no arithmetic `tf32`"),
        ("onnxruntime", {"arithmetic": "fp32"}, 2, "leaves no choice of arithmetic"),
        ("tflite", {"backend": "webgl"}, 2, "engine `tflite` has no backend `webgl`"),
        (
            "tflite",
            {"backend": "gpu", "delegate": "none"},
            2,
            "backend `gpu` of engine `tflite` leaves no choice of delegate",
        ),
        ("onnxruntime", {"backend": "xnnpack"}, 3, "no XnnpackExecutionProvider; it has "),
        ("onnxruntime", {"backend": "nnapi"}, 3, "no NnapiExecutionProvider; it has "),
        ("onnxruntime", {"backend": "nnapi", "arithmetic": "fp16"}, 2, "has to be permitted by --allow-fp16 1"),
        ("onnxruntime", {"backend": "qnn"}, 3, "no QNNExecutionProvider; it has "),
        ("onnxruntime", {"backend": "webgpu"}, 3, "no WebGpuExecutionProvider; it has "),
        ("onnxruntime", {"backend": "cuda", "arithmetic": "tf32"}, 3, "no CUDAExecutionProvider; it has "),
        ("onnxruntime", {"backend": "dml"}, 3, "no DmlExecutionProvider; it has "),
        ("onnxruntime", {"backend": "openvino"}, 3, "no OpenVINOExecutionProvider; it has "),
        ("onnxruntime", {"pass": "kernels"}, 2, "needs --scratch"),
    ],
)
def test_what_this_computer_lacks_is_reported(
    runner: Path, engine: str, changes: dict[str, str], code: int, reason: str
) -> None:
    found, answer, _ = run(runner, *real_arguments(engine, "bert_small", **changes))
    assert (found, answer["status"]) == (code, "unsupported" if code == 3 else "error")
    assert reason in answer["reason"]
    if "it has" in reason:
        assert "CPUExecutionProvider" in answer["reason"]


@pytest.mark.parametrize(
    ("model", "delegate", "nodes"),
    [("mobilenet_v2", "none", 64), ("bert_small", "none", 102), ("bert_small", "xnnpack", 102)],
)
def test_kernels_of_tensorflow_lite(runner: Path, model: str, delegate: str, nodes: int) -> None:
    arguments = real_arguments("tflite", model, delegate=delegate, **FEW)
    found = measured(runner, *arguments, "--pass", "kernels")
    own = [kernel for kernel in found.kernels if kernel.provider is None]
    taken = [kernel for kernel in found.kernels if kernel.provider is not None]
    delegated = sum(share.nodes for share in found.proof.delegates)
    assert found.proof.graph_nodes == nodes
    assert len(own) == nodes - delegated
    assert len({kernel.node for kernel in own}) == len(own)
    assert all(re.fullmatch(r"[A-Z0-9_]+", kernel.name) for kernel in own)
    if delegate == "none":
        assert [kernel.node for kernel in own] == list(range(nodes))
    else:
        assert {kernel.provider for kernel in taken} == {"TfLiteXNNPackDelegate"}
        assert [kernel.node for kernel in taken] == list(range(len(taken)))
        assert "Fully Connected (NC, F32) GEMM" in {kernel.name for kernel in taken}
    assert not any(kernel.collapsed for kernel in found.kernels)
    assert all(len(kernel.times_ms) == len(found.prediction_ms) for kernel in found.kernels)
    assert all(kernel.warmup_ms is not None for kernel in found.kernels)
    assert 0.6 < most_in_kernels(found) <= 1
    assert sum_ms(found.kernels) <= whole_ms(found)


def test_kernels_inside_xnnpack_are_reported_one_by_one(runner: Path) -> None:
    found = measured(runner, *real_arguments("tflite", "mobilenet_v2", **FEW), "--pass", "kernels")
    counts = {word: sum(word in kernel.name for kernel in found.kernels) for word in ("DWConv", "IGEMM", "Add", "Mean")}
    assert counts == {"DWConv": 17, "IGEMM": 1, "Add": 10, "Mean": 1}
    assert 0.8 < most_in_kernels(found) <= 1
    assert sum_ms(found.kernels) <= whole_ms(found)


@pytest.mark.parametrize(("model", "operators"), [("mobilenet_v2", {"Conv", "Gemm"}), ("bert_small", {"MatMul"})])
def test_kernels_of_onnx_runtime(runner: Path, tmp_path: Path, model: str, operators: set[str]) -> None:
    arguments = real_arguments("onnxruntime", model, scratch=str(tmp_path), **FEW)
    found = measured(runner, *arguments, "--pass", "kernels")
    assert operators <= {kernel.name for kernel in found.kernels}
    assert {kernel.provider for kernel in found.kernels} == {"CPUExecutionProvider"}
    nodes = [kernel.node for kernel in found.kernels]
    assert len(set(nodes)) == len(nodes) <= (found.proof.graph_nodes or 0)
    assert all(len(kernel.times_ms) == len(found.prediction_ms) for kernel in found.kernels)
    assert 0.4 < most_in_kernels(found) <= 1
    assert list(tmp_path.iterdir()) == []


def test_a_profile_is_removed_also_when_the_model_cannot_be_opened(runner: Path, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"\x08garbage" * 100)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = real_arguments("onnxruntime", "bert_small", model=str(garbage), scratch=str(scratch))
    code, answer, _ = run(runner, *words, "--pass", "kernels")
    assert (code, answer["status"]) == (1, "error")
    assert list(scratch.iterdir()) == []


def test_the_time_of_a_branch_is_counted_once(runner: Path, tmp_path: Path) -> None:
    """An `If` is told with the nodes of the branch that it runs."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def branch(name: str, operator: str) -> Any:
        node = helper.make_node(operator, ["big", "big"], [f"{name}_out"])
        return helper.make_graph([node], name, [], [helper.make_tensor_value_info(f"{name}_out", 1, [256, 256])])

    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "one"], ["big"]),
            helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
            helper.make_node("Greater", ["sum", "nothing"], ["some"]),
            helper.make_node("If", ["some"], ["y"], then_branch=branch("a", "MatMul"), else_branch=branch("b", "Add")),
        ],
        "branch",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [256, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [256, 256])],
        [
            numpy_helper.from_array(np.ones((1, 256), np.float32), "one"),
            numpy_helper.from_array(np.float32(0), "nothing"),
        ],
    )
    path = tmp_path / "branch.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    words = onnx_arguments(path, "--input", "x,float32,256x1,uniform:0:1", "--output", "y=y", "--pass", "kernels")
    found = measured(runner, *words, "--scratch", str(tmp_path))
    assert "If" not in {kernel.name for kernel in found.kernels}
    assert "MatMul" in {kernel.name for kernel in found.kernels}
    assert sum_ms(found.kernels) <= whole_ms(found)


def test_packed_weights_are_kept_and_found_again(runner: Path, tmp_path: Path) -> None:
    arguments = real_arguments("tflite", "mobilenet_v2", cache=str(tmp_path), **FEW)
    first, second = measured(runner, *arguments), measured(runner, *arguments)
    assert "XNNPACK's packed weights were not cached" in first.proof.notes
    assert "XNNPACK's packed weights were found in the cache" in second.proof.notes
    assert [one.digest for one in first.output] == [one.digest for one in second.output]
    kept = [path.name for path in tmp_path.iterdir()]
    assert len(kept) == 1 and kept[0].startswith("xnnpack-fp32-")
    other = measured(runner, *real_arguments("tflite", "bert_small", cache=str(tmp_path), **FEW))
    assert "XNNPACK's packed weights were not cached" in other.proof.notes
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("engine", "changes"), [("tflite", {"delegate": "none"}), ("tflite", FP16), ("onnxruntime", {})]
)
def test_a_cache_that_is_not_used_is_noted(runner: Path, tmp_path: Path, engine: str, changes: dict[str, str]) -> None:
    code, answer, _ = run(runner, *real_arguments(engine, "bert_small", cache=str(tmp_path), **changes, **FEW))
    if changes == FP16 and not computes_fp16(answer):
        return
    assert code == 0, answer["reason"]
    assert any("the cache was not used" in note for note in answer["proof"]["notes"])
    assert list(tmp_path.iterdir()) == []


def test_weights_that_xnnpack_converts_are_not_kept(runner: Path, tmp_path: Path) -> None:
    """XNNPACK ends the process when it meets them in a cache."""
    files = obtain.ensure("mobilenet_v2", "fp16")
    arguments = real_arguments("tflite", "mobilenet_v2", model=str(files.file("tflite")), cache=str(tmp_path), **FEW)
    found = measured(runner, *arguments)
    assert any("from or to float16: the cache was not used" in note for note in found.proof.notes)
    assert list(tmp_path.iterdir()) == []


def test_another_version_of_tensorflow_lite_reports_no_kernels(runner: Path, tmp_path: Path) -> None:
    """A library that says another version, made of ours: its layouts were not checked."""
    source = tmp_path / "other.c"
    library = real_arguments("tflite", "bert_small")[3]
    source.write_text('const char *TfLiteVersion(void) { return "2.19.0"; }')
    other = tmp_path / "libother.so"
    # Every other function is found in the library that this one needs.
    subprocess.run(
        [
            "cc",
            "-shared",
            "-fPIC",
            "-o",
            other,
            source,
            "-Wl,--no-as-needed",
            library,
            f"-Wl,-rpath,{Path(library).parent}",
        ],
        check=True,
    )
    arguments = real_arguments("tflite", "bert_small", library=str(other))
    for more in (["--pass", "kernels"], ["--arithmetic", "fp16", "--allow-fp16", "1"]):
        code, answer, _ = run(runner, *arguments, *more)
        assert (code, answer["status"]) == (3, "unsupported")
        assert "but this is 2.19.0" in answer["reason"] or "no float16 arithmetic" in answer["reason"]


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("tflite", ["--pass", "kernels"]),
        ("tflite", ["--pass", "kernels", "--delegate", "none"]),
        ("tflite", ["--arithmetic", "fp16", "--allow-fp16", "1"]),
        ("onnxruntime", ["--pass", "kernels"]),
        ("onnxruntime", ["--backend", "xnnpack"]),
    ],
)
def test_the_sanitised_runner_finds_no_fault_in_the_engines_parts(
    sanitized: Path, sanitizers: dict[str, str], tmp_path: Path, engine: str, words: list[str]
) -> None:
    arguments = real_arguments(engine, "bert_small", max_predictions="3", scratch=str(tmp_path), cache=str(tmp_path))
    code, answer, done = run(sanitized / "mobilebench-runner", *arguments, *words, environment=sanitizers)
    assert code in {0, 3}, answer
    assert b"runtime error" not in done.stderr
    assert b"AddressSanitizer" not in done.stderr


def test_the_share_of_a_provider_is_that_of_the_whole_graph(runner: Path, tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
    )
    path = tmp_path / "one.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    found = measured(runner, *onnx_arguments(path, *INPUT, *OUTPUT))
    assert [(share.name, share.nodes) for share in found.proof.delegates] == [("CPUExecutionProvider", 1)]
    assert found.proof.backend == "cpu"
