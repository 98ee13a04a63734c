"""A model that was added while manifests still said `variant` for `precision`: it is found and measured as it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.models import obtain, registry, user_store
from mobilebench.models.manifest import Fill
from mobilebench.targets import host
from mobilebench.verification import verifier
from tests.pinning import Pinned

STORED = Path(__file__).parent / "added_before"
"""`<home>/models` of that version: an ONNX file, and a manifest that still calls the precision `variant`."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    shutil.copytree(STORED, tmp_path / "home" / "models")
    return tmp_path / "home"


def test_it_is_found_with_its_precision_and_inputs() -> None:
    files = obtain.find("my_net")
    assert files is not None
    assert files == obtain.ensure("my_net")
    assert (files.manifest.precision, files.manifest.batch, files.manifest.source) == ("fp32", 1, "added")
    assert files.manifest.inputs[0].fill == Fill(kind="integers", low=0, high=50)
    assert [one.name for one in files.manifest.reference] == ["y_odd_name", "best"]
    assert "my_net" in registry.names()
    assert registry.why_not("my_net", "int8") is not None


def test_its_damage_is_noticed(home: Path, pinned: Pinned) -> None:
    (file,) = home.glob("models/*/my_net.onnx")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pinned.raises(BadInput):
        obtain.find("my_net")


def test_it_can_be_removed(home: Path) -> None:
    assert user_store.remove("my_net").manifest.model == "my_net"
    assert not list(home.glob("models/*/my_net.onnx"))


@pytest.mark.build
def test_it_is_measured_and_gives_its_stored_answer() -> None:
    request = verifier.Request(models=("my_net",), engines=("onnxruntime",), inputs=("published",))
    (matrix,) = verifier.verify(request, host.describe(), lambda _: None, Event())
    assert {row.cell.choice for row in matrix.cells} == {"python", None}
    assert {row.verdict for row in matrix.cells} == {"pass"}
