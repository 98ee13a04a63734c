"""Fixtures and helpers of the tests of exports and imports."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.records import Run
from mobilebench.results.store import Store
from mobilebench.results.transfer import writing

from ..making import failed, host, measured, phone, planned, run_info, unsupported

RUN = "20261121-120000-ab12"
TRACE = b"a trace"
TRACE_NAME = "00004-a.json.gz"


def fill(store: Store, run_id: str = RUN) -> None:
    """Store a run with every outcome, an event and a trace."""
    trace = {
        "name": TRACE_NAME,
        "bytes": len(TRACE),
        "sha256": hashlib.sha256(TRACE).hexdigest(),
        "json_bytes": 9,
        "complete": True,
        "marks": ["setup"],
        "categories": [],
    }
    plan = [planned(0), planned(1, target="R58M"), planned(2, batch=2), planned(3, batch=4)]
    plan.append(planned(4, batch=8).model_copy(update={"pass_": "trace"}))
    store.create_run(run_info(run_id, host(), phone()), plan)
    blocks = [
        measured(plan[0]),
        unsupported(plan[1]),
        failed(plan[2]),
        measured(plan[4], trace=trace, **{"pass": "trace"}),
    ]
    for block in blocks:
        store.append(run_id, block)
    store.add_trace(run_id, TRACE_NAME, TRACE)
    store.add_event(run_id, "TargetLost", at=blocks[0].ended_at, target="R58M", data={"reason": "unplugged"})
    store.finish(run_id, "interrupted", at=blocks[0].ended_at)


@pytest.fixture
def fresh(tmp_path: Path, empty_store: Path) -> Iterator[Callable[[str], Store]]:
    """Makes empty stores by name."""
    opened: list[Store] = []

    def make(name: str) -> Store:
        (tmp_path / name).mkdir()
        shutil.copy(empty_store, tmp_path / name)
        opened.append(Store.open(tmp_path / name))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture(scope="session")
def exported_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of one run, which `fill` made."""
    folder = tmp_path_factory.mktemp("exported")
    with Store.open(folder) as store:
        fill(store)
        writing.write(store, [RUN], folder / "runs.zip", writing.Wanted())
    return folder / "runs.zip"


def stored(run: Run) -> Run:
    """A run without what depends on the store and on the version of the rules."""
    blocks = [block.model_copy(update={"verdict": None}) for block in run.blocks]
    info = run.info.model_copy(update={"imports": []})
    return run.model_copy(update={"info": info, "blocks": blocks})


def contents(file: Path) -> dict[str, bytes]:
    """The members of a zip file."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forged(file: Path, members: dict[str, bytes], change: Callable[[dict[str, Any]], None] = lambda _: None) -> Path:
    """Write these members as an export whose manifest states their checksums; `change` alters the manifest."""
    manifest = json.loads(members["manifest.json"])
    others = {name: content for name, content in members.items() if name != "manifest.json"}
    manifest["members"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)} for name, content in others.items()
    }
    change(manifest)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**others, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, content)
    return file
