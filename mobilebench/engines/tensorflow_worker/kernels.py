"""Times of single operators, from TensorFlow's profiler. Its trace is read with the schema in TensorFlow's package."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mobilebench.engines.tensorflow_worker.options import Problem

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
