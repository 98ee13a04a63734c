"""Makes mobilebench/models/inspection/operators/*.yaml anew: which operators each engine and backend has.

`python scripts/operator_tables.py [--tflite LIBRARY]`, from the repository's root, with the pinned packages of Python
and `web/node_modules` installed. Only names and versions are taken over. How each list is obtained stands in its file.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "mobilebench" / "models" / "inspection" / "operators"
WEB = ROOT / "web"
PACKAGES = WEB / "node_modules"
STANDARD = "ai.onnx"
COMPLEX = {"Complex", "ComplexAbs", "Imag", "Real"}


def version_of(package: str) -> str:
    """The installed version of a package of the pages."""
    version: str = json.loads((PACKAGES / package / "package.json").read_text())["version"]
    return version


def write(name: str, how: str, operators: Iterable[str] | Mapping[str, str], **facts: object) -> None:
    """One table."""
    listed: Any = dict(sorted(operators.items())) if isinstance(operators, Mapping) else sorted(operators)
    table = {**facts, "how": how, "operators": listed}
    OUT.mkdir(exist_ok=True)
    text = yaml.safe_dump(table, sort_keys=False, width=120)
    (OUT / f"{name}.yaml").write_text(f"# Made by scripts/operator_tables.py. Do not edit.\n{text}")
    sys.stdout.write(f"{name}: {len(listed)} operators\n")


def tfjs() -> None:
    """TF.js: an operator is there when the converter knows it and every kernel that it starts is registered."""
    known = json.loads((PACKAGES / "@tensorflow/tfjs-converter/metadata/kernel2op.json").read_text())
    core = PACKAGES / "@tensorflow/tfjs-core/dist/ops"
    files = dict(_functions(core))
    constants = dict(re.findall(r"const (\w+) = '(\w+)'", (core.parent / "kernel_names.js").read_text()))
    for backend, own_name in (("wasm", "wasm"), ("webgl", "webgl"), ("webgpu", "webgpu"), ("js", "cpu")):
        registered = set(_kernels(own_name))
        there = [
            operator
            for operator, functions in known.items()
            if _all_started(operator, functions, files, constants) <= registered
        ]
        write(
            f"tfjs-{backend}",
            "operators that @tensorflow/tfjs-converter's metadata maps to functions of @tensorflow/tfjs-core all of "
            f"whose kernels getKernelsForBackend('{own_name}') lists",
            there,
            engine="tfjs",
            backend=backend,
            version=version_of(f"@tensorflow/tfjs-backend-{own_name}"),
            format="tfjs",
        )


def _all_started(
    operator: str, functions: list[str], files: Mapping[str, Path], constants: Mapping[str, str]
) -> set[str]:
    """The kernels that an operator needs. Those for complex numbers only count where these are its purpose."""
    kernels = set().union(*(_started(function, files, constants, frozenset()) for function in functions))
    return kernels if operator in COMPLEX or "FFT" in operator else kernels - COMPLEX


def _functions(core: Path) -> Iterator[tuple[str, Path]]:
    """The functions of tfjs-core, each with its file; those that fuse several are called so."""
    for file in sorted(core.rglob("*.js")):
        if file.stem.endswith("_test"):
            continue
        prefix = "fused." if file.parent.name == "fused" else ""
        text = _code(file)
        for name in re.findall(r"^export const (\w+) = ", text, re.MULTILINE):
            yield f"{prefix}{name}", file
        for name in re.findall(r"^export (?:async )?function (\w+)\(", text, re.MULTILINE):
            yield f"{prefix}{name}", file
        for names in re.findall(r"^export \{ ([^}]+) \};", text, re.MULTILINE):
            if file.stem not in ("fused_ops", "ops"):
                yield from ((f"{prefix}{name.rpartition(' as ')[2]}", file) for name in names.split(", "))


def _code(file: Path) -> str:
    return file.read_text().partition("//# sourceMappingURL")[0]


def _started(function: str, files: Mapping[str, Path], constants: Mapping[str, str], seen: frozenset[str]) -> set[str]:
    """The kernels that a function starts itself; where it starts none, those of the functions that it calls."""
    name = function if function.startswith("fused.") else function.rpartition(".")[2]
    file = files.get(name)
    if file is None or name in seen:
        return set()
    text = _code(file)
    direct = {constants[one] for one in re.findall(r"runKernel\((\w+)", text) if one in constants}
    direct |= set(re.findall(r"runKernel\('(\w+)'", text))
    if direct:
        return direct
    called = [
        one.rpartition(" as ")[2]
        for names in re.findall(r"import \{ ([^}]+) \} from '\.", text)
        for one in names.split(", ")
    ]
    used = [one for one in called if one in files and re.search(rf"\b{one}\(", text)]
    return set().union(*(_started(one, files, constants, seen | {name}) for one in used))


def _kernels(backend: str) -> list[str]:
    script = f"""
        const tf = require('@tensorflow/tfjs-core');
        require('@tensorflow/tfjs-backend-{backend}');
        console.log(JSON.stringify(tf.getKernelsForBackend('{backend}').map((one) => one.kernelName)));
    """
    done = subprocess.run(["node", "-e", script], cwd=WEB, capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stdout.strip().splitlines()[-1])
    return names


def onnxruntime_cpu() -> None:
    """ONNX Runtime on the CPU: what its own registry lists, and what it replaces by the function that defines it."""
    import onnx
    import onnxruntime
    from onnxruntime.capi import _pybind_state as native

    kernels: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for kernel in native.get_all_opkernel_def():
        kernels.setdefault((kernel.domain, kernel.op_name), []).append(tuple(kernel.version_range))
    schemas: dict[tuple[str, str], list[int]] = {}
    for schema in native.get_all_operator_schema():
        schemas.setdefault((schema.domain, schema.name), []).append(schema.since_version)
    newest = max(since for (domain, _), every in schemas.items() if not domain for since in every)
    functions = {
        (schema.name, schema.since_version)
        for schema in onnx.defs.get_all_schemas_with_history()
        if not schema.domain and (schema.has_function or schema.has_context_dependent_function)
    }
    found: dict[str, str] = {}
    for (domain, name), versions in sorted(schemas.items()):
        last = newest if not domain else max([*versions, 5 if domain == "ai.onnx.ml" else 1])
        there = []
        for opset in range(1, last + 1):
            since = max((one for one in versions if one <= opset), default=None)
            ranges = kernels.get((domain, name), [])
            runs = since is not None and any(
                start == since or (end < 1000 and start <= since <= end) for start, end in ranges
            )
            if runs or (since is not None and not domain and (name, since) in functions):
                there.append(opset)
        if there and domain in ("", "com.microsoft", "ai.onnx.ml"):
            found[f"{domain or STANDARD}:{name}"] = _spans(there, last)
    write(
        "onnxruntime-cpu",
        "kernels that the package's own registry lists, and operators that ONNX defines by functions; opsets of each",
        found,
        engine="onnxruntime",
        backend="cpu",
        version=onnxruntime.__version__,
        format="onnx",
        opset=newest,
    )


def _spans(numbers: list[int], last: int) -> str:
    """`7-9,11+`: opsets in words; one that reaches the newest known goes on."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(f"{first}+" if end == last else f"{first}-{end}" for first, end in spans)


def ortjs_webgpu() -> None:
    """ORT-Web on WebGPU: the table that the package carries."""
    text = (PACKAGES / "onnxruntime-web/docs/webgpu-operators.md").read_text()
    found = {}
    for name, domains in re.findall(r"^\| (\w+) \| ([^|]+) \|", text, re.MULTILINE):
        for domain, spans in re.findall(r"([\w.]+)\(([^)]*)\)", domains):
            if domain in (STANDARD, "com.microsoft"):
                found[f"{domain}:{name}"] = spans
    write(
        "ortjs-webgpu",
        "the table of WebGPU operators that onnxruntime-web publishes with itself; what is not in it runs as Wasm",
        found,
        engine="ortjs",
        backend="webgpu",
        version=version_of("onnxruntime-web"),
        format="onnx",
    )


def ortjs_wasm() -> None:
    """ORT-Web on Wasm: ONNX's own single-operator models were loaded, and the answer noted."""
    from onnx.backend.test.loader import load_model_tests

    with tempfile.TemporaryDirectory() as folder:
        models = []
        for place, test in enumerate(load_model_tests(kind="node")):
            if (described := _only_operator(test.model)) is not None:
                file = Path(folder) / f"{place}.onnx"
                file.write_bytes(test.model.SerializeToString())
                models.append((*described, str(file)))
        listing = Path(folder) / "models.json"
        listing.write_text(json.dumps([path for *_, path in models]))
        answers = _load_in_node(listing)
    loaded: dict[str, int] = {}
    refused: dict[str, int] = {}
    for (name, opset, _), refusal in zip(models, answers, strict=True):
        if refusal is None:
            loaded[name] = min(loaded.get(name, opset), opset)
        elif "Could not find an implementation" in refusal or "NOT_IMPLEMENTED" in refusal:
            refused[name] = min(refused.get(name, opset), opset)
    write(
        "ortjs-wasm",
        "ONNX's conformance models of one operator were loaded. If every model of an operator was refused, it is "
        "absent from the opset of the model on; operators without a model that could be tried are not known",
        {f"{STANDARD}:{name}": "1+" for name in loaded},
        engine="ortjs",
        backend="wasm",
        version=version_of("onnxruntime-web"),
        format="onnx",
        complete=False,
        absent={f"{STANDARD}:{name}": f"{opset}+" for name, opset in sorted(refused.items()) if name not in loaded},
    )


def _only_operator(model: Any) -> tuple[str, int] | None:
    nodes = model.graph.node
    if len(nodes) != 1 or nodes[0].domain or model.functions:
        return None
    opset = next((one.version for one in model.opset_import if not one.domain), 1)
    return nodes[0].op_type, opset


def _load_in_node(listing: Path) -> list[str | None]:
    script = """
        const fs = require('node:fs');
        const ort = require('onnxruntime-web/wasm');
        ort.env.wasm.numThreads = 1;
        ort.env.logLevel = 'fatal';
        (async () => {
          const answers = [];
          for (const path of JSON.parse(fs.readFileSync(process.argv[1]))) {
            try {
              const session = await ort.InferenceSession.create(new Uint8Array(fs.readFileSync(path)));
              await session.release();
              answers.push(null);
            } catch (error) { answers.push(String(error && error.message)); }
          }
          process.stdout.write('\\n' + JSON.stringify(answers));
        })();
    """
    command = ["node", "-e", script, str(listing)]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=True)
    answers: list[str | None] = json.loads(done.stdout.strip().splitlines()[-1])
    return answers


def litertjs_wasm() -> None:
    """LiteRT.js: its package says nothing of operators, so only that it takes no custom ones is known."""
    write(
        "litertjs-wasm",
        "the package publishes no list; it is only known that it has neither custom nor Flex operators",
        [],
        engine="litertjs",
        backend="wasm",
        version=version_of("@litertjs/core"),
        format="tflite",
        complete=False,
    )


def tflite(library: Path) -> None:
    """TensorFlow Lite: a model of one operator each was given to the C library."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    native = ctypes.CDLL(str(library))
    native.TfLiteVersion.restype = ctypes.c_char_p
    for name in ("TfLiteModelCreate", "TfLiteInterpreterCreate", "TfLiteInterpreterOptionsCreate"):
        getattr(native, name).restype = ctypes.c_void_p
    options = ctypes.c_void_p(native.TfLiteInterpreterOptionsCreate())
    names = {number: name for name, number in vars(BuiltinOperator).items() if isinstance(number, int)}
    there = []
    for number, name in names.items():
        if name in ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"):
            continue
        if any(_resolves(native, options, _one_operator(number, version)) for version in range(1, 13)):
            there.append(name)
    version = native.TfLiteVersion().decode()
    write(
        "tflite-cpu",
        "a model of each builtin operator of the schema, in versions 1 to 12, was given to the C library's interpreter",
        there,
        engine="tflite",
        backend="cpu",
        version=version,
        format="tflite",
    )


def _resolves(native: Any, options: Any, model: bytes) -> bool:
    loaded = native.TfLiteModelCreate(ctypes.create_string_buffer(model, len(model)), ctypes.c_size_t(len(model)))
    if not loaded:
        return False
    interpreter = native.TfLiteInterpreterCreate(ctypes.c_void_p(loaded), options)
    if interpreter:
        native.TfLiteInterpreterDelete(ctypes.c_void_p(interpreter))
    native.TfLiteModelDelete(ctypes.c_void_p(loaded))
    return bool(interpreter)


def _one_operator(number: int, version: int) -> bytes:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph, operator, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), version
    operator.inputs, operator.outputs = [], []
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], [operator]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(256)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def main() -> int:
    """Make every table whose sources are here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tflite", type=Path, help="libtensorflowlite_c or another library with TensorFlow Lite's C API"
    )
    options = parser.parse_args()
    tfjs()
    onnxruntime_cpu()
    ortjs_webgpu()
    ortjs_wasm()
    litertjs_wasm()
    if options.tflite:
        tflite(options.tflite)
    return 0


if __name__ == "__main__":
    sys.exit(main())
