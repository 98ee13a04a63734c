"""The engines in a browser, release by release: TensorFlow.js, ONNX Runtime Web and LiteRT.js.

Each is data: one release of a framework, its backends, and what they offer and lack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from mobilebench.core import paths
from mobilebench.core.axes import GPUS, LITERT_WASM_FILES, NODE
from mobilebench.core.errors import Unsupported
from mobilebench.core.records import Case, PlannedBlock, TargetInfo
from mobilebench.engines import node, web
from mobilebench.engines.base import Backend, BlockResult
from mobilebench.models import behaviour, user_store
from mobilebench.models.manifest import AddedManifest, Format, Manifest, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.targets.base import Target


@dataclass(frozen=True)
class WebEngine:
    """See `engines.base.Engine`. Its name carries its version, unless it is the current one: `ortjs@1.18`."""

    name: str
    release: str
    """The version that its pages have to report begins with this, up to a dot: `1.18`."""
    title: str
    """The framework's own name, such as `TensorFlow.js`."""
    description: str
    format: Format
    backends: tuple[Backend, ...]
    most_threads: int | None = None
    """The largest number of threads that the framework starts."""
    cores_a_thread: int = 0
    """How many cores the page has to see for each thread, in builds with threads; 0: any number will do."""
    refuses_one_thread: Mapping[str, str] = field(default_factory=dict)
    """Wasm build to the build that the framework loads in its place when one thread is asked for."""
    node_builds: tuple[str, ...] = ()
    """The Wasm builds that Node runs outside of any page."""

    dtypes: tuple[str, ...] | None = None
    """Element types of the inputs that it takes; None: all."""
    output_dtypes: tuple[str, ...] | None = None
    """Element types of the outputs that it can hand over; None: all."""
    takes_open_sizes: bool = True
    """Whether it runs models whose file leaves a size of an input open."""
    refuses_model: Callable[[Manifest], str | None] | None = None
    """Returns why the engine cannot run a user's model, judged by the manifest; None when nothing is against it."""

    setup_patience_s: float = web.SETUP_PATIENCE_S
    kind: Literal["web"] = "web"
    claims_machine: bool = True
    start_seconds: float = 0.0
    why_no_kernels: str | None = None

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        if reason := web.reason_against(self.name, self.backends, target, case):
            return reason
        if case.browser == NODE and (reason := node.reason_against(target, case, self.title, self.node_builds)):
            return reason
        if self.most_threads is not None and case.threads > self.most_threads:
            return f"{self.name} starts at most {self.most_threads} threads"
        if case.threads == 1 and (reason := self.refuses_one_thread.get(case.wasm_build or "")):
            return reason
        own = user_store.find(case.model)
        if own is None:
            return None
        reason = self.refuses_model(own.manifest) if self.refuses_model else None
        return reason or self.why_not_model(own)

    def why_not_model(self, files: ModelFiles) -> str | None:
        """Why the engine cannot run this model on any target, in plain words; None when nothing is known against it."""
        manifest = files.manifest
        entry = manifest.formats.get(self.format)
        if entry is None:
            return None
        if entry.open_inputs and not self.takes_open_sizes:
            return (
                f"{self.title} takes no model with open sizes (input {entry.open_inputs[0]} of {manifest.model}): "
                "convert it with whole shapes"
            )
        for spec in manifest.inputs:
            dtype = entry.input_dtypes.get(spec.name, spec.dtype)
            if self.dtypes is not None and dtype not in self.dtypes:
                return f"{self.title} has no {dtype} tensors (input {spec.name})"
        outputs = manifest.output_dtypes.items() if isinstance(manifest, AddedManifest) else ()
        for output, dtype in outputs:
            if self.output_dtypes is not None and dtype not in self.output_dtypes:
                return f"{self.title} has no {dtype} tensors (output {output})"
        return None

    def prepare(self, target: Target, block: PlannedBlock, files: ModelFiles) -> web.PreparedPage | node.PreparedNode:
        """Check that the engine takes the model and that it can be served. Pages fetch it, so nothing is pushed.

        Raises:
            Unsupported: the engine cannot take the model; or see `web.prepare`.
        """
        if reason := self.why_not_model(files):
            raise Unsupported(f"{reason}.")
        if block.case.browser == NODE:
            return self._prepare_for_node(target, block, files)
        return web.prepare(self.page_case(target.info, block.case), target, block, files)

    def _prepare_for_node(self, target: Target, block: PlannedBlock, files: ModelFiles) -> node.PreparedNode:
        program, pages = node.program(), paths.web_pages()
        if program is None:
            raise Unsupported(f"{node.why_missing()}.")
        node.require_script(pages)
        entry = web.format_file(files, self.format)
        job = node.in_files(web.page_job(block, files, entry), files.folder)
        patience = web.patience_s(block.rule, self.setup_patience_s)
        return node.PreparedNode(target, block, files, {}, entry, job, program, pages, patience)

    def measure(
        self,
        prepared: web.PreparedPage | node.PreparedNode,
        *,
        cancel: Event,
        samples: int = SAMPLES,
        traces: Path | None = None,
    ) -> BlockResult:
        """Measure one block in a fresh page, or in a fresh process of Node."""
        if isinstance(prepared, node.PreparedNode):
            return node.measure(prepared, cancel=cancel, samples=samples)
        return web.measure(
            prepared, cancel=cancel, samples=samples, setup_patience_s=self.setup_patience_s, traces=traces
        )

    def page_case(self, target: TargetInfo, case: Case) -> web.PageCase:
        """How a page runs this case on this target."""
        backend = next(one for one in self.backends if one.name == case.backend)
        needed = 0 if backend.on_one_thread(case.wasm_build) else self.cores_a_thread * case.threads
        return web.PageCase(
            self.format,
            web.flags(target, case, uses_gpu=backend.uses_gpu),
            hardware_concurrency=needed if target.cores < needed else None,
            patience=SLOW if case.backend == "js" or case.gpu == "software" else 1,
        )


SLOW = 5
"""Factor on the waiting time for plain JavaScript, and where the CPU does a GPU's work."""


def gpu_backend(name: str, description: str, missing: str | None = None) -> Backend:
    """A backend on a GPU; `missing` is why this release has none."""
    return Backend(
        name, f"{description}; software computes them on the CPU", {"gpu": GPUS}, missing=missing, single_threaded=True
    )


_WEBGL = gpu_backend("webgl", "WebGL 2 shaders")

TFJS_MOST_THREADS = 8
"""TensorFlow.js starts at most 8 workers, and uses half of `navigator.hardwareConcurrency`."""

_TFJS_DTYPES = ("float32", "int32", "bool")
_TFJS_WASM = Backend(
    "wasm",
    "WebAssembly with XNNPACK kernels; one binary for each build",
    {"wasm_build": ("simd-threads", "simd", "plain", "threads")},
    single_threaded_builds=("simd", "plain"),
    lacks={"threads": "TensorFlow.js has no build with threads and without SIMD"},
)
_TFJS_JS = Backend("js", "plain JavaScript, as a reference; very slow", single_threaded=True)

TFJS = WebEngine(
    name="tfjs",
    release="4.22",
    title="TensorFlow.js",
    description="TensorFlow.js 4.22 graph models in the browser",
    format="tfjs",
    dtypes=_TFJS_DTYPES,
    backends=(_TFJS_WASM, _WEBGL, gpu_backend("webgpu", "WebGPU shaders"), _TFJS_JS),
    most_threads=TFJS_MOST_THREADS,
    cores_a_thread=2,
    node_builds=("simd", "plain"),
)
TFJS_4_2 = WebEngine(
    name="tfjs@4.2",
    release="4.2",
    title="TensorFlow.js",
    description="TensorFlow.js 4.2.0, the papers' release",
    format="tfjs",
    dtypes=_TFJS_DTYPES,
    backends=(
        _TFJS_WASM,
        _WEBGL,
        gpu_backend("webgpu", "WebGPU shaders", "the WebGPU backend was first released with TensorFlow.js 4.6"),
        _TFJS_JS,
    ),
    most_threads=TFJS_MOST_THREADS,
    cores_a_thread=2,
)


_DROPPED = "ONNX Runtime Web has had one wasm build, with SIMD and threads, since 1.19; ortjs@1.18 has this one"
_WEBNN = {"device_type": ("cpu", "gpu", "npu")}
_ORTJS_WASM_BUILDS = ("simd-threads", "simd", "threads", "plain")

ORTJS = WebEngine(
    name="ortjs",
    release="1.30",
    title="ONNX Runtime Web",
    description="ONNX Runtime Web 1.30 in the browser",
    format="onnx",
    backends=(
        Backend(
            "wasm",
            "WebAssembly; the only build that this version has uses SIMD and threads",
            {"wasm_build": _ORTJS_WASM_BUILDS},
            single_threaded_builds=("simd", "plain"),
            lacks=dict.fromkeys(("simd", "threads", "plain"), _DROPPED),
        ),
        _WEBGL,
        gpu_backend("webgpu", "WebGPU shaders"),
        Backend(
            "webnn",
            "WebNN, by the type of device that is asked for",
            _WEBNN,
            single_threaded=True,
        ),
    ),
    node_builds=("simd-threads",),
)


def _older(version: str, note: str) -> WebEngine:
    """A release with four builds. For one thread it always loads a build without threads."""
    reason = "is not in the pages of this release: only ortjs, the current one, has it here"
    return WebEngine(
        name=f"ortjs@{version}",
        release=version,
        title="ONNX Runtime Web",
        description=f"ONNX Runtime Web {version}, {note}",
        format="onnx",
        backends=(
            Backend(
                "wasm",
                "WebAssembly; one binary for each build",
                {"wasm_build": _ORTJS_WASM_BUILDS},
                single_threaded_builds=("simd", "plain"),
            ),
            _WEBGL,
            gpu_backend("webgpu", "WebGPU shaders", f"WebGPU {reason}"),
            Backend("webnn", "WebNN", _WEBNN, single_threaded=True, missing=f"WebNN {reason}"),
        ),
        refuses_one_thread={
            "simd-threads": f"with one thread, ONNX Runtime Web {version} loads the build simd instead",
            "threads": f"with one thread, ONNX Runtime Web {version} loads the build plain instead",
        },
    )


ORTJS_1_18 = _older("1.18", "the last release with four WebAssembly builds")
ORTJS_1_14 = _older("1.14", "the papers' release")


def _without_variable_tensors(manifest: Manifest) -> str | None:
    """Why LiteRT.js cannot run a model that keeps its state in variable tensors; it supports other variables."""
    variables = behaviour.in_variable_tensors(manifest)
    if not variables:
        return None
    return f"LiteRT.js has no variable tensors, in which {manifest.model} keeps its state ({', '.join(variables)})"


_LITERT_DTYPES = ("float32", "int32", "uint8")

LITERTJS = WebEngine(
    name="litertjs",
    release="2.5",
    title="LiteRT.js",
    description="LiteRT.js 2.5 (TensorFlow Lite models) in the browser",
    format="tflite",
    backends=(
        Backend(
            "wasm",
            "WebAssembly with XNNPACK kernels; one binary for each build, two of them with relaxed SIMD",
            {"wasm_build": (*LITERT_WASM_FILES, "simd-threads", "threads", "plain")},
            single_threaded_builds=("relaxed-simd", "simd", "plain"),
            lacks={
                "simd-threads": "LiteRT.js has no build with threads and without relaxed SIMD",
                "threads": "LiteRT.js has no build without SIMD",
                "plain": "LiteRT.js has no build without SIMD",
            },
        ),
        gpu_backend("webgpu", "WebGPU shaders in float32"),
    ),
    # The number of workers that are ready follows the number of cores that the page sees, not the number of threads.
    cores_a_thread=1,
    why_no_kernels="its library does not report which operators it runs",
    dtypes=_LITERT_DTYPES,
    output_dtypes=_LITERT_DTYPES,
    takes_open_sizes=False,
    refuses_model=_without_variable_tensors,
)
