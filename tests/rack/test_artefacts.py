"""The files of a job travel to its host once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mobilebench.core import artefacts as cache
from mobilebench.core.errors import BadInput
from mobilebench.engines import libraries
from mobilebench.models.manifest import FormatFile, ModelFiles
from mobilebench.rack import artefacts
from mobilebench.rack.messages import Answer, Missing, Put, Question, Stored
from mobilebench.session.job import job_for
from tests.pinning import Pinned

from ..results.making import phone
from ..session.fakes import World, manifest, plan


@pytest.fixture(autouse=True)
def small_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(artefacts, "LONGEST_CHUNK", 4)


class Host:
    """A host that answers as workers do."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.before: Callable[[Question], Answer | None] = lambda question: None

    def __call__(self, question: Question) -> Answer:
        self.asked.append(question)
        if answer := self.before(question):
            return answer
        if isinstance(question, Missing):
            return artefacts.missing(question)
        assert isinstance(question, Put)
        return artefacts.put(question)

    @property
    def offsets(self) -> list[int]:
        return [one.offset for one in self.asked if isinstance(one, Put)]


def files_in(folder: Path, *contents: bytes) -> dict[str, Path]:
    found = {}
    for content in contents:
        digest = hashlib.sha256(content).hexdigest()
        found[digest] = folder / digest[:8]
        found[digest].write_bytes(content)
    return found


def test_files_are_sent_once(tmp_path: Path) -> None:
    host, told = Host(), list[str]()
    files = files_in(tmp_path, b"0123456789", b"", b"abcd")
    assert artefacts.send(host, "lab-1", files, told.append, threading.Event())
    assert [cache.find(digest).read_bytes() for digest in files] == [b"0123456789", b"", b"abcd"]  # type: ignore[union-attr]
    assert host.offsets == [0, 4, 8, 0, 0]
    assert told == ["3 files, 14 bytes, to host lab-1"]
    assert artefacts.send(host, "lab-1", files, told.append, threading.Event())
    assert host.offsets == [0, 4, 8, 0, 0]
    assert len(told) == 1


def test_a_transfer_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    host = Host()
    (digest, file), *_ = files_in(tmp_path, b"0123456789").items()
    cache.put(digest, 0, 10, b"01234567")
    assert artefacts.send(host, "lab-1", {digest: file}, lambda _: None, threading.Event())
    assert host.offsets == [0, 8]


def test_it_stops_with_the_run(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert not artefacts.send(Host(), "lab-1", files_in(tmp_path, b"x"), lambda _: None, stop)


def test_a_host_that_stores_nothing_is_not_asked_for_ever(tmp_path: Path, pinned: Pinned) -> None:
    host = Host()
    host.before = lambda question: (
        Stored(digest=question.digest, size=0, complete=False) if isinstance(question, Put) else None
    )
    with pinned.raises(BadInput):
        artefacts.send(host, "lab-1", files_in(tmp_path, b"x"), lambda _: None, threading.Event())


def test_what_is_no_base64_is_refused() -> None:
    with pytest.raises(BadInput):
        artefacts.put(Put(host="lab-1", digest="a" * 64, offset=0, total=3, data="?"))


def test_a_job_needs_models_in_the_formats_of_its_engines_and_the_named_libraries(tmp_path: Path) -> None:
    world, key = World(), ("m", "fp32", 1)
    world.engine.format = "tfjs"
    entries = {
        "tfjs": FormatFile(path="m.json", sha256="1" * 64, bytes=2, parts={"w": "2" * 64}, inputs={}, outputs={}),
        "onnx": FormatFile(path="m.onnx", sha256="3" * 64, bytes=1, inputs={}, outputs={}),
    }
    built = ModelFiles(tmp_path, manifest().model_copy(update={"formats": entries}))
    world.models["m"] = built
    library = tmp_path / "libmine.so"
    library.write_bytes(Path("/bin/true").read_bytes())
    info = phone("R58M")
    with libraries.using([f"onnxruntime={library}"]):
        job = job_for(
            info,
            plan(info).blocks,
            run_id="r",
            retry_failed=False,
            unsupported={},
            models={key: built},
            recorders=(),
            wait_seconds=0,
        )
    named = hashlib.sha256(library.read_bytes()).hexdigest()
    assert artefacts.files_of(job, world.dependencies()) == {
        "1" * 64: tmp_path / "m.json",
        "2" * 64: tmp_path / "w",
        named: library,
    }
