"""One fresh process that predicts through an engine's Python API, as a Python programmer would write it.

Prints the milliseconds of every prediction as one JSON list: input as NumPy arrays to output as NumPy arrays.
Started by `benchmarks.runner_overhead`.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.engines import libraries
from mobilebench.models import obtain, synthetic_inputs
from mobilebench.models.manifest import Format, ModelFiles

Arrays = dict[str, NDArray[Any]]
Predict = Callable[[], list[NDArray[Any]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("api", choices=APIS)
    parser.add_argument("model")
    parser.add_argument("--predictions", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    files = obtain.find(arguments.model)
    if files is None:
        sys.exit(f"{arguments.model} is not built: run `mobilebench models build {arguments.model}`.")
    predict = APIS[arguments.api](files, arguments.threads)
    predict()
    json.dump([_timed(predict) for _ in range(arguments.predictions)], sys.stdout)


def _timed(predict: Predict) -> float:
    started = time.perf_counter_ns()
    predict()
    return (time.perf_counter_ns() - started) / 1e6


def feeds(files: ModelFiles, wanted: Format) -> Arrays:
    """The published inputs under the format's own names."""
    entry = files.manifest.formats[wanted]
    arrays = {}
    for position, spec in enumerate(files.manifest.inputs):
        dtype = entry.input_dtypes.get(spec.name, spec.dtype)
        arrays[entry.inputs[spec.name]] = synthetic_inputs.fill(spec, position).astype(dtype)
    return arrays


def output_names(files: ModelFiles, wanted: Format) -> list[str]:
    """The format's own names of the outputs, in canonical order."""
    return [files.manifest.formats[wanted].outputs[name] for name in files.manifest.outputs]


def onnxruntime_api(files: ModelFiles, threads: int) -> Predict:
    """The `onnxruntime` package, with the runner's session options."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(files.file("onnx"), options, providers=["CPUExecutionProvider"])
    names, given = output_names(files, "onnx"), feeds(files, "onnx")
    return lambda: list(session.run(names, given))


def litert_api(files: ModelFiles, threads: int) -> Predict:
    """The `ai-edge-litert` package, which applies XNNPACK by default."""
    from ai_edge_litert.interpreter import Interpreter

    return _interpreter_api(Interpreter, files, threads)


def tensorflow_api(files: ModelFiles, threads: int) -> Predict:
    """`tf.lite.Interpreter`, which applies XNNPACK by default."""
    import tensorflow

    return _interpreter_api(tensorflow.lite.Interpreter, files, threads)


def _interpreter_api(interpreter_class: Any, files: ModelFiles, threads: int) -> Predict:
    interpreter = interpreter_class(model_path=str(files.file("tflite")), num_threads=threads)
    interpreter.allocate_tensors()
    places = {one["name"]: one["index"] for one in interpreter.get_input_details()}
    given = {places[name]: array for name, array in feeds(files, "tflite").items()}
    found = {one["name"]: one["index"] for one in interpreter.get_output_details()}
    wanted = [found[name] for name in output_names(files, "tflite")]

    def predict() -> list[NDArray[Any]]:
        for index, array in given.items():
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in wanted]

    return predict


class XnnpackOptions(ctypes.Structure):
    """The number of threads comes first in every version; the rest is whatever the library's default is."""

    _fields_ = (("num_threads", ctypes.c_int32), ("rest", ctypes.c_char * 508))


def tflite_c_api(files: ModelFiles, threads: int) -> Predict:
    """The very library that the runner loads, called from Python: the same version, so only the caller differs."""
    api = ctypes.CDLL(str(libraries.library("tflite", libraries.host_build()).path))
    pointer, integer = ctypes.c_void_p, ctypes.c_int32
    for name, result, parameters in (
        ("TfLiteModelCreateFromFile", pointer, [ctypes.c_char_p]),
        ("TfLiteInterpreterOptionsCreate", pointer, []),
        ("TfLiteInterpreterOptionsSetNumThreads", None, [pointer, integer]),
        ("TfLiteInterpreterCreate", pointer, [pointer, pointer]),
        ("TfLiteXNNPackDelegateOptionsDefault", XnnpackOptions, []),
        ("TfLiteXNNPackDelegateCreate", pointer, [ctypes.POINTER(XnnpackOptions)]),
        ("TfLiteInterpreterModifyGraphWithDelegate", integer, [pointer, pointer]),
        ("TfLiteInterpreterAllocateTensors", integer, [pointer]),
        ("TfLiteInterpreterInvoke", integer, [pointer]),
        ("TfLiteInterpreterGetInputTensorCount", integer, [pointer]),
        ("TfLiteInterpreterGetInputTensor", pointer, [pointer, integer]),
        ("TfLiteInterpreterGetOutputTensorCount", integer, [pointer]),
        ("TfLiteInterpreterGetOutputTensor", pointer, [pointer, integer]),
        ("TfLiteTensorName", ctypes.c_char_p, [pointer]),
        ("TfLiteTensorNumDims", integer, [pointer]),
        ("TfLiteTensorDim", integer, [pointer, integer]),
        ("TfLiteTensorCopyFromBuffer", integer, [pointer, pointer, ctypes.c_size_t]),
        ("TfLiteTensorCopyToBuffer", integer, [pointer, pointer, ctypes.c_size_t]),
    ):
        function = getattr(api, name)
        function.restype, function.argtypes = result, parameters

    model = api.TfLiteModelCreateFromFile(str(files.file("tflite")).encode())
    options = api.TfLiteInterpreterOptionsCreate()
    api.TfLiteInterpreterOptionsSetNumThreads(options, threads)
    interpreter = api.TfLiteInterpreterCreate(model, options)
    xnnpack = api.TfLiteXNNPackDelegateOptionsDefault()
    xnnpack.num_threads = threads
    delegate = api.TfLiteXNNPackDelegateCreate(ctypes.byref(xnnpack))
    api.TfLiteInterpreterModifyGraphWithDelegate(interpreter, delegate)
    api.TfLiteInterpreterAllocateTensors(interpreter)

    def tensors(count: Any, tensor: Any) -> dict[str, int]:
        found = [tensor(interpreter, place) for place in range(count(interpreter))]
        return {api.TfLiteTensorName(one).decode(): one for one in found}

    def shape(tensor: int) -> list[int]:
        return [api.TfLiteTensorDim(tensor, axis) for axis in range(api.TfLiteTensorNumDims(tensor))]

    places = tensors(api.TfLiteInterpreterGetInputTensorCount, api.TfLiteInterpreterGetInputTensor)
    given = [(places[name], array) for name, array in feeds(files, "tflite").items()]
    found = tensors(api.TfLiteInterpreterGetOutputTensorCount, api.TfLiteInterpreterGetOutputTensor)
    wanted = [(found[name], shape(found[name])) for name in output_names(files, "tflite")]

    def predict() -> list[NDArray[Any]]:
        for tensor, array in given:
            api.TfLiteTensorCopyFromBuffer(tensor, array.ctypes.data, array.nbytes)
        api.TfLiteInterpreterInvoke(interpreter)
        outputs = []
        for tensor, dims in wanted:
            array = np.empty(dims, dtype=np.float32)
            api.TfLiteTensorCopyToBuffer(tensor, array.ctypes.data, array.nbytes)
            outputs.append(array)
        return outputs

    return predict


APIS: dict[str, Callable[[ModelFiles, int], Predict]] = {
    "onnxruntime": onnxruntime_api,
    "tensorflow": tensorflow_api,
    "litert": litert_api,
    "tflite-c-api": tflite_c_api,
}

if __name__ == "__main__":
    main()
