"""A SavedModel in TensorFlow: its devices and threads, its function, and where and how long operators run.

Times of single operators come from TensorFlow's profiler, whose trace is read with the schema in TensorFlow's package.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mobilebench.engines.tensorflow_worker.options import UNSUPPORTED, Options, Problem, words

Arrays = dict[str, Any]

_CARRIERS = frozenset(
    {"_Arg", "_Retval", "_DeviceArg", "_DeviceRetval", "_EagerConst", "Const", "NoOp", "_Send", "_Recv"}
)
"""Operators that only pass values on."""
IMPORTING = "importing"
"""A file in the scratch folder that exists until TensorFlow is imported. If the process ends earlier and leaves it,
the import ended the process."""

_MAPPED_LIBRARY = re.compile(r"/libtensorflow(_cc|_framework)?\.so[^/]*$")


@dataclass(frozen=True)
class Runtime:
    """TensorFlow, imported and configured for a device and a number of threads."""

    tf: Any
    version: str


@dataclass(frozen=True)
class Placement:
    """The devices on which a function's operators run, after TensorFlow's optimisation of the graph."""

    nodes: dict[str, int]
    """Kind of device, such as `CPU`, to the number of operators there."""

    @property
    def backend(self) -> str:
        """`cpu` when all operators run there."""
        others = sorted(kind for kind in self.nodes if kind != "CPU")
        return others[0].lower() if others else "cpu"


def start(options: Options) -> Runtime:
    """Import TensorFlow, and choose device and threads before they are used.

    Raises:
        Problem: TensorFlow cannot be imported, or sees no GPU although one is asked for.
    """
    _open_no_socket()
    mark = options.scratch / IMPORTING if options.scratch else None
    if mark:
        mark.touch()
    try:
        import tensorflow as tf
    except MemoryError:
        raise
    except BaseException as error:  # an incompatible library may raise anything, even SystemExit
        raise Problem(f"TensorFlow cannot be imported: {words(error)}", UNSUPPORTED) from error
    if mark:
        mark.unlink(missing_ok=True)
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.set_soft_device_placement(False)
    gpus = tf.config.list_physical_devices("GPU") if options.backend == "gpu" else []
    if options.backend == "gpu" and not gpus:
        raise Problem("TensorFlow sees no GPU here", UNSUPPORTED)
    tf.config.set_visible_devices(gpus[:1], "GPU")
    return Runtime(tf, str(tf.__version__))


def _open_no_socket() -> None:
    """Prevent a package that TensorFlow imports from binding a socket, which it does only to detect IPv6."""
    import socket

    socket.has_ipv6 = False


class Network:
    """A SavedModel that can predict.

    Args:
        runtime: TensorFlow.
        folder: folder of the SavedModel.
    """

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self._runtime = runtime
        self._loaded = runtime.tf.saved_model.load(str(folder))
        self._function: Any = None
        self._inputs: dict[str, Any] = {}
        self._outputs: Mapping[str, str] = {}

    def open(self, options: Options) -> None:
        """Get the signature's function.

        Raises:
            Problem: there is no signature of this name, or its inputs or outputs are not the requested ones.
        """
        signatures = self._loaded.signatures
        if options.signature not in signatures:
            known = ", ".join(sorted(signatures)) or "none"
            raise Problem(f"the model has no signature `{options.signature}`; it has {known}")
        self._function = signatures[options.signature]
        accepted = self._function.structured_input_signature[1]
        given = {one.name for one in options.inputs}
        if given != set(accepted):
            differing = sorted(given ^ set(accepted))[0]
            missing = "is not given" if differing in accepted else "is not one of the model's"
            raise Problem(f"input `{differing}` {missing}")
        absent = sorted(set(options.outputs.values()) - set(self._function.structured_outputs))
        if absent:
            raise Problem(f"output `{absent[0]}` is not one of the model's")
        for one in options.inputs:
            tensor = accepted[one.name]
            if tensor.dtype.name != one.dtype or not tensor.shape.is_compatible_with(one.shape):
                raise Problem(f"input `{one.name}` is {tensor.dtype.name} {tensor.shape}, not {one.dtype} {one.shape}")
        self._outputs = options.outputs

    def feed(self, arrays: Arrays) -> None:
        """Set the inputs of every prediction, under the signature's names, in host memory."""
        self._inputs = arrays

    def predict(self) -> Arrays:
        """Run one inference; returns the outputs in host memory, by canonical name."""
        constant = self._runtime.tf.constant
        answer = self._function(**{name: constant(array) for name, array in self._inputs.items()})
        return {name: answer[theirs].numpy() for name, theirs in self._outputs.items()}

    def placement(self) -> Placement:
        """Where the operators run, read from a second instance of the function: TensorFlow keeps the executed graph
        only when configured to do so before the first call, which then takes longer.
        """
        from tensorflow.python.eager import context

        tf = self._runtime.tf
        again = tf.function(lambda **tensors: self._function(**tensors), autograph=False)
        eager = context.context()
        eager.enable_graph_collection()
        try:
            again(**{name: tf.constant(array) for name, array in self._inputs.items()})
            metadata = eager.export_run_metadata()
        finally:
            eager.disable_graph_collection()
        return placed(
            (node.op, node.device)
            for graphs in metadata.function_graphs
            for graph in graphs.partition_graphs
            for node in graph.node
        )

    def threads(self) -> tuple[int, int]:
        """The sizes of TensorFlow's thread pools as read back: for kernels, for the executor."""
        threading = self._runtime.tf.config.threading
        return int(threading.get_intra_op_parallelism_threads()), int(threading.get_inter_op_parallelism_threads())


def placed(nodes: Any) -> Placement:
    """Count operators by device; `nodes` yields (operator, device)."""
    counts: Counter[str] = Counter()
    for operator, device in nodes:
        if operator not in _CARRIERS:
            counts[kind_of(device)] += 1
    return Placement(dict(counts))


def kind_of(device: str) -> str:
    """The kind of a device, such as `CPU` for `/job:localhost/replica:0/task:0/device:CPU:0`."""
    found = re.search(r"device:([A-Z_]+):\d+$", device)
    return found.group(1) if found else "unknown"


def libraries(maps: Path = Path("/proc/self/maps")) -> list[Path]:
    """TensorFlow's libraries that this process has mapped."""
    return [file for file in mapped(maps) if _MAPPED_LIBRARY.search(str(file))]


def installed() -> list[Path]:
    """TensorFlow's installed libraries, found without importing it."""
    spec = find_spec("tensorflow")
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    return sorted(file.resolve() for folder in folders for file in folder.glob("libtensorflow*.so*"))


def mapped(maps: Path = Path("/proc/self/maps")) -> list[Path]:
    """Every file that this process has mapped."""
    lines = maps.read_text().splitlines()
    names = {parts[5] for parts in (line.split(maxsplit=5) for line in lines) if len(parts) == 6}
    return sorted(Path(name) for name in names if name.startswith("/"))


_STEP = "mobilebench"
_HOST = "/host:CPU"
_GPU = "/device:GPU"
_EXECUTOR = "tf_"
"""Prefix of the host threads that run operators."""
_DERIVED = frozenset(
    {"Steps", "XLA Modules", "XLA Ops", "XLA TraceMe", "TensorFlow Ops", "TensorFlow Name Scope", "Source code"}
)
"""Lines of a GPU's plane that show other lines again in another form."""


@dataclass(frozen=True)
class Span:
    """The time span of one event, in milliseconds of the trace's clock."""

    name: str
    start_ms: float
    lasted_ms: float


@dataclass
class Times:
    """The times of one operator of the graph: one for the warmup and one for each prediction."""

    name: str
    provider: str
    values: dict[int, float] = field(default_factory=dict)
    """Step to milliseconds; step 0 is the warmup."""


class Profile:
    """A trace of one block's inferences."""

    def __init__(self, tf: Any, scratch: Path | None) -> None:
        self._profiler = tf.profiler.experimental
        self._scratch = scratch
        self._steps = 0
        self.found: list[Times] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Trace the body; on leaving, `found` holds the operators.

        Raises:
            Problem: TensorFlow wrote no trace.
        """
        with TemporaryDirectory(prefix="tensorflow-", dir=self._scratch) as folder:
            level = self._profiler.ProfilerOptions(host_tracer_level=1, python_tracer_level=0, device_tracer_level=1)
            self._profiler.start(folder, options=level)
            try:
                yield
            finally:
                self._profiler.stop()
            self.found = operators(_read(Path(folder)), self._steps)

    def step(self, predict: Callable[[], Any]) -> Any:
        """Run one inference, and mark it in the trace."""
        with self._profiler.Trace(_STEP, step_num=self._steps):
            self._steps += 1
            return predict()


def _read(folder: Path) -> Any:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    files = sorted(folder.rglob("*.xplane.pb"))
    if len(files) != 1:
        raise Problem(f"TensorFlow's profiler wrote {len(files)} traces instead of one")
    space = xplane_pb2.XSpace()
    space.ParseFromString(files[0].read_bytes())
    return space


def operators(space: Any, steps: int) -> list[Times]:
    """The operators of a trace in the order in which they first ran.

    Args:
        space: an `XSpace`.
        steps: how many inferences were marked, including the warmup.

    Raises:
        Problem: the trace does not hold them.
    """
    windows = sorted((span.start_ms, span.start_ms + span.lasted_ms) for span in _marks(space))
    if len(windows) != steps:
        raise Problem(f"TensorFlow's profiler kept {len(windows)} of {steps} inferences; measure fewer")
    found: dict[tuple[str, str], Times] = {}
    for provider, span in sorted(_ran(space), key=lambda one: one[1].start_ms):
        step = bisect_right(windows, span.start_ms, key=lambda window: window[0]) - 1
        if step < 0 or span.start_ms > windows[step][1]:
            continue
        times = found.setdefault((provider, span.name), Times(span.name, provider))
        times.values[step] = times.values.get(step, 0.0) + span.lasted_ms
    return list(found.values())


def _marks(space: Any) -> Iterator[Span]:
    for plane in space.planes:
        for line in plane.lines:
            yield from (span for span, _ in _spans(plane, line) if span.name == _STEP)


def _ran(space: Any) -> Iterator[tuple[str, Span]]:
    """Device and span of every operator: the executor's calls on the host, the operators that really ran on a GPU."""
    gpus = [plane for plane in space.planes if plane.name.startswith(_GPU)]
    for plane in gpus:
        for line in plane.lines:
            if line.name not in _DERIVED:
                yield from ((plane.name.removeprefix("/device:"), span) for span, _ in _spans(plane, line))
    for plane in space.planes:
        if plane.name != _HOST:
            continue
        for line in plane.lines:
            if not line.name.startswith(_EXECUTOR):
                continue
            for span, kind in _spans(plane, line):
                if kind and span.name.endswith(f":{kind}"):
                    yield ("CPU (launch)" if gpus else "CPU"), span


def _spans(plane: Any, line: Any) -> Iterator[tuple[Span, str]]:
    """Every event of a line, with the operator's type if it is an operator."""
    for event in line.events:
        about = plane.event_metadata[event.metadata_id]
        start_ms = line.timestamp_ns / 1e6 + event.offset_ps / 1e9
        yield Span(about.name, start_ms, event.duration_ps / 1e9), about.display_name
