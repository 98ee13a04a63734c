"""A job holds all that a worker needs: it goes through JSON, and names files by their content."""

from __future__ import annotations

import hashlib
import shutil
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench.browsers import builds
from mobilebench.core import artefacts, paths
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Block
from mobilebench.engines import libraries
from mobilebench.models.manifest import AddedManifest, Behaviour, FormatFile, ModelFiles
from mobilebench.session import events
from mobilebench.session.dependencies import model_key
from mobilebench.session.job import (
    JobSpec,
    demand_same_builds,
    file_of,
    find_models,
    job_for,
    named_files,
    own_builds,
    remember_file,
    unsupported_of,
)
from mobilebench.session.worker import measure_job
from tests.pinning import Pinned

from ..results.making import host
from .fakes import Seen, World, manifest, plan

ELF = Path("/bin/true")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(builds.VARIABLE, raising=False)


def made(world: World | None = None, **changes: object) -> JobSpec:
    blocks = plan(host(), rounds=2, models=("m", "n")).blocks
    options: dict[str, object] = {
        "run_id": "20261129-101112-abcd",
        "retry_failed": False,
        "unsupported": {(blocks[1].case.key, "timing"): "it cannot"},
        "models": {model_key(blocks[0].case): ModelFiles(Path("/somewhere"), manifest())},
        "recorders": ["battery"],
        "wait_seconds": 12.5,
    }
    return job_for(host(), blocks, **{**options, **changes})  # type: ignore[arg-type]


def through_json(job: JobSpec) -> JobSpec:
    return JobSpec.model_validate_json(job.model_dump_json(by_alias=True))


def test_it_comes_back_from_json_as_it_was() -> None:
    job = made()
    assert through_json(job) == job
    assert unsupported_of(through_json(job)) == {(job.blocks[1].case.key, "timing"): "it cannot"}
    assert len(job.cancel_token) == 16
    assert job.cancel_token != made().cancel_token


def test_a_user_s_model_keeps_what_only_it_has() -> None:
    own = AddedManifest(**manifest().model_dump(), behaviour=Behaviour(stateful=True))
    key = ("m", "fp32", 1)
    (found,) = through_json(made(models={key: ModelFiles(Path("/somewhere"), own)})).models
    assert found == own
    (plain,) = through_json(made()).models
    assert type(plain) is type(manifest())


def test_it_holds_no_path_of_this_computer(tmp_path: Path, pinned: Pinned) -> None:
    library, browser = tmp_path / "libmine.so", tmp_path / "chrome"
    shutil.copy(ELF, library)
    browser.write_text("#!/bin/sh\necho Chromium 156.0.1\n")
    browser.chmod(0o755)
    blocks = [
        block.model_copy(update={"case": replace(block.case, browser="chrome@mine")}) for block in plan(host()).blocks
    ]
    mine = builds.DeclaredBuild("chrome@mine", browser, None, ("--x",))
    other = builds.DeclaredBuild("chrome@other", browser, None, ())
    with libraries.using([f"onnxruntime={library}"]), builds.using_builds([mine, other]):
        job = job_for(
            host(),
            blocks,
            run_id="r",
            retry_failed=False,
            unsupported={},
            models={},
            recorders=(),
            wait_seconds=0,
        )
    text = job.model_dump_json(by_alias=True)
    assert str(tmp_path) not in text
    assert [(one.name, one.file) for one in job.libraries] == [("onnxruntime", "libmine.so")]
    assert [(one.name, one.flags) for one in job.browsers] == [("chrome@mine", ("--x",))]

    with named_files(through_json(job)):
        assert [one.path for one in libraries.every_file()] == [library]
        assert builds.declared() == [mine]
    assert libraries.every_file() == []
    assert builds.declared() == []

    library.write_bytes(b"something else")
    with pinned.raises(BadInput), named_files(job):
        raise AssertionError("another file is no stand-in")


def test_what_another_thread_declares_does_not_count() -> None:
    found: list[object] = []
    with builds.using_builds([builds.DeclaredBuild("chrome@a", Path("/bin/true"), None, ())]):
        thread = threading.Thread(target=lambda: found.append(builds.declared()))
        thread.start()
        thread.join()
    assert found == [[]]


def with_tflite(sha256: str) -> ModelFiles:
    entry = FormatFile(path="m.tflite", sha256=sha256, bytes=1, inputs={}, outputs={})
    return ModelFiles(Path("/here"), manifest().model_copy(update={"formats": {"tflite": entry}}))


def test_models_are_found_by_their_content() -> None:
    world, key = World(), ("m", "fp32", 1)
    world.models["m"] = with_tflite("a" * 64)
    asked = ModelFiles(Path("/there"), world.models["m"].manifest)  # type: ignore[union-attr]
    job = made(models={key: asked})
    assert find_models(job, world.dependencies()) == {key: ModelFiles(Path("/here"), asked.manifest)}
    world.models["m"] = with_tflite("b" * 64)
    assert find_models(job, world.dependencies()) == {
        key: "m fp32 on the worker's computer is not the model of this run"
    }
    world.models["m"] = BadInput("It cannot be built.", hint="Install it.")
    assert find_models(job, world.dependencies()) == {key: "It cannot be built. Install it."}


def sent(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    artefacts.put(digest, 0, len(content), content)
    return digest


def test_a_model_that_was_sent_is_used_before_one_is_built() -> None:
    world, key = World(), ("m", "fp32", 1)
    world.engine.format = "tfjs"
    unbuildable = BadInput("It cannot be built.", hint="Install it.")
    world.models["m"] = unbuildable
    model, weights = hashlib.sha256(b"model").hexdigest(), sent(b"weights")
    entry = FormatFile(path="model.json", sha256=model, bytes=12, parts={"1.bin": weights}, inputs={}, outputs={})
    other = FormatFile(path="m.tflite", sha256="a" * 64, bytes=1, inputs={}, outputs={})
    wanted = manifest().model_copy(update={"formats": {"tfjs": entry, "tflite": other}})
    job = made(models={key: ModelFiles(Path("/there"), wanted)})
    assert find_models(job, world.dependencies()) == {key: unbuildable.text_with_hint}
    sent(b"model")
    found = find_models(job, world.dependencies())[key]
    assert isinstance(found, ModelFiles)
    assert (found.folder / "model.json").read_bytes() == b"model"
    assert (found.folder / "1.bin").read_bytes() == b"weights"
    world.models["m"] = ModelFiles(Path("/here"), wanted)
    assert find_models(job, world.dependencies())[key] == world.models["m"]


def test_a_library_that_was_sent_has_its_name(tmp_path: Path) -> None:
    library = tmp_path / "libmine.so"
    shutil.copy(ELF, library)
    with libraries.using([f"onnxruntime={library}"]):
        job = made()
    content = library.read_bytes()
    library.unlink()
    with pytest.raises(BadInput), named_files(job):
        pass
    sent(content)
    with named_files(job):
        (given,) = libraries.every_file()
    assert given.path.name == "libmine.so"
    assert given.path.read_bytes() == content


@pytest.mark.parametrize("name", ["../libmine.so", "/etc/libmine.so"])
def test_a_library_that_was_sent_stays_in_its_folder(name: str) -> None:
    named = {"name": "onnxruntime", "file": name, "sha256": sent(b"x"), "named_by": "--engine-library"}
    job = JobSpec.model_validate({**made().model_dump(by_alias=True), "libraries": [named]})
    with pytest.raises(BadInput, match="leads out"), named_files(job):
        pass


def test_own_builds_have_to_be_those_with_which_the_job_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    runner = tmp_path / "assets" / "runner"
    runner.parent.mkdir()
    runner.write_bytes(b"one")
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)
    monkeypatch.setattr(paths, "runner", lambda build: runner)
    job = made()
    demand_same_builds(job)
    job = job.model_copy(update={"builds": own_builds(job)})
    assert list(job.builds) == ["runner for linux-x86_64"]
    demand_same_builds(through_json(job))
    runner.write_bytes(b"two!")
    with pinned.raises(BadInput):
        demand_same_builds(job)
    runner.unlink()
    with pinned.raises(BadInput):
        demand_same_builds(job)


def test_a_job_of_other_builds_is_not_measured() -> None:
    world, seen = World(), Seen()
    job = made().model_copy(update={"builds": {"pages": "a" * 64}})
    measure_job(job, seen, threading.Event(), lambda info, cancel: nullcontext(), world.dependencies(), None)
    (lost,) = seen.of(events.TargetLost)
    assert lost.reason.startswith("The pages of mobilebench on the worker's computer")
    assert world.opened == []


def test_a_job_is_all_that_a_worker_needs() -> None:
    world, seen = World(), Seen()
    measure_job(
        through_json(made()),
        seen,
        threading.Event(),
        lambda info, cancel: world.dependencies().machine_turn("m", cancel),
        world.dependencies(),
        None,
    )
    outcomes = {event.block.planned.index: outcome(event.block) for event in seen.of(events.BlockFinished)}
    assert outcomes == {0: "measured", 1: "it cannot", 2: "measured", 3: "it cannot"}
    assert isinstance(seen[-1], events.TargetFinished)


def outcome(block: Block) -> str:
    return block.reason or block.outcome


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_text("one")
    digest = remember_file(file)
    assert file_of(digest) == file
    assert file_of("0" * 64) is None
    file.write_text("another")
    assert file_of(digest) is None
    file.unlink()
    assert file_of(digest) is None
    assert paths.cache() == tmp_path / "cache"
