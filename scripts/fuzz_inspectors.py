"""Feeds broken model files to the readers of untrusted files and keeps what they do not take well.

`python scripts/fuzz_inspectors.py --seconds 600 --finds FOLDER`, from the repository's root. Each input is a tiny model
that was mutated: bits flipped, lengths changed, parts cut out, doubled or taken from another one. A reader may describe
it or refuse it by `Malformed`; any other exception, a crash, more than 2 s or more than 2 GiB is a find. Inputs that
make a reader run lines that none did before are kept and mutated further.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mobilebench.models.inspection import graph as graphs
from mobilebench.models.inspection import onnx_reader, onnx_strip, tflite_reader
from mobilebench.models.inspection.graph import Graph
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.tensorflow import saved_model, tfjs
from scripts.mutation import json_value, mutated, varint
from tests.models.inspection import tiny_models

SLOW_S = 2.0
MEMORY = 2 * 2**30
ROUND = 5_000
"""Inputs of one process; then a fresh one starts."""
_ROOM = str(Path(graphs.__file__).parent)

Reader = Callable[[bytes], Graph]
READERS: dict[str, Reader] = {
    "onnx": lambda data: onnx_reader.read_stripped(onnx_strip.stripped(memoryview(data)), Path("/nonexistent"), {}),
    "tflite": lambda data: tflite_reader.read_bytes(memoryview(data), {}),
    "tfjs": lambda data: tfjs.read_bytes(data, {}),
    "saved_model": lambda data: saved_model.read_bytes(memoryview(data), {}),
}


def seeds() -> dict[str, list[bytes]]:
    """What mutation begins with."""
    return {
        "onnx": [tiny_models.onnx_model(), tiny_models.onnx_model("batch"), tiny_models.onnx_recurrent()],
        "tflite": [tiny_models.tflite_model(), tiny_models.tflite_model(custom="Own", batch_is_open=True)],
        "tfjs": [json.dumps(tiny_models.tfjs_json()).encode()],
        "saved_model": [tiny_models.saved_model_proto()],
    }


def reads_well(reader: Reader, data: bytes) -> None:
    """Read it as the reading process does.

    Raises:
        Exception: something else than a description or a refusal came of it, or it took too long.
    """
    begun = time.process_time()
    with suppress(Malformed):
        json.dumps(graphs.facts(reader(data)))
    if time.process_time() - begun > SLOW_S:
        raise TimeoutError(f"took {time.process_time() - begun:.1f} s")


class Lines:
    """Which lines of the readers have run; a cheap tracer that forgets lines once they are known."""

    def __init__(self) -> None:
        self.known: set[tuple[int, int]] = set()
        self.fresh = False

    def __call__(self, frame: FrameType, event: str, argument: object) -> Callable[..., object] | None:
        del argument
        if event == "call":
            return self if frame.f_code.co_filename.startswith(_ROOM) else None
        key = (id(frame.f_code), frame.f_lineno)
        if key not in self.known:
            self.known.add(key)
            self.fresh = True
        return self


def work(current: Path, finds: Path, corpus: dict[str, list[bytes]], seed: int, until: float) -> tuple[int, int]:
    """One process's share; what it found lies in `finds`, what it was at in `current`.

    Returns:
        how many inputs it tried, and how many of them were not taken well.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    rng, lines, tried, found = random.Random(seed), Lines(), 0, 0  # noqa: S311 - reproducible, not secret
    grown = current.parent / "grown"
    grown.mkdir(exist_ok=True)
    while tried < ROUND and time.monotonic() < until:
        name = rng.choice(list(READERS))
        of_format = json_value if name == "tfjs" and rng.random() < 0.8 else varint
        data = mutated(rng.choice(corpus[name]), corpus[name], rng, [of_format])
        if len(data) > 100_000:
            continue
        current.write_bytes(name.encode() + b"\0" + data)
        tried += 1
        lines.fresh = False
        watched = rng.random() < 0.25
        signal.alarm(20)
        try:
            sys.settrace(lines if watched else None)
            reads_well(READERS[name], data)
        except BaseException as error:
            sys.settrace(None)
            keep(finds, name, data, error)
            found += 1
        finally:
            sys.settrace(None)
            signal.alarm(0)
        if lines.fresh and tried > 200:
            corpus[name].append(data)
            (grown / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)
    return tried, found


def keep(finds: Path, name: str, data: bytes, error: BaseException | str) -> None:
    """Write a find, one for each place in the code that it fails at."""
    place = error
    if isinstance(error, BaseException):
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(_ROOM)]
        where = f"{Path(frames[-1].filename).stem}-{frames[-1].lineno}" if frames else "elsewhere"
        place = f"{type(error).__name__}-{where}"
    file = finds / f"{name}-{place}"
    if not file.exists() or file.stat().st_size > len(data):
        file.write_bytes(data)
        say(f"find: {file.name} ({len(data)} bytes): {str(error)[:200]}")


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Start one process after the other until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--finds", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.finds.mkdir(parents=True, exist_ok=True)
    until, tried, found, rounds = time.monotonic() + options.seconds, 0, 0, 0
    current = options.finds / "current"
    while time.monotonic() < until:
        corpus = seeds()
        for file in sorted((options.finds / "grown").glob("*")):
            corpus[file.name.rpartition("-")[0]].append(file.read_bytes())
        inlet, outlet = os.pipe()
        if (child := os.fork()) == 0:
            counts = work(current, options.finds, corpus, options.seed * 1_000_003 + rounds, until)
            os.write(outlet, json.dumps(counts).encode())
            os._exit(0)
        os.close(outlet)
        _, status = os.waitpid(child, 0)
        with os.fdopen(inlet, "rb") as pipe:
            more_tried, more_found = json.loads(pipe.read() or "[0, 1]")
        tried, found = tried + more_tried, found + more_found
        if status:
            name, _, data = current.read_bytes().partition(b"\0")
            keep(options.finds, name.decode(), data, f"crash-{status}")
        rounds += 1
        if rounds % 10 == 0:
            sizes = {name: len(every) for name, every in corpus.items()}
            say(f"{tried} inputs, {rounds} processes, corpus {sizes}")
    ending = f"{found} finds, in {options.finds}" if found else "nothing found"
    say(f"models: {options.seconds:.3g} s, {tried} inputs, {ending}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
