"""`mobilebench models add`, `models remove` and `models prune`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.models.build import cache
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned

from ..models.user_models.making_onnx import text_model


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))


@pytest.mark.slow
def test_added_shown_listed_and_removed(tmp_path: Path, pinned: Pinned) -> None:
    file = text_model(tmp_path / "net.onnx")
    code, out, err = mobilebench(f"models add {file} --name mine --fill ids=integers:0:5 --tolerance 0.001")
    assert code == 0, err
    assert "with ONNX Runtime" in err
    pinned(out.splitlines()[0])
    assert "integers from 0 to below 5" in out
    pinned(out.splitlines()[-1])

    code, out, _ = mobilebench(f"models add {file} --json")
    added = json.loads(out)
    assert (code, added["already_there"], added["manifest"]["model"]) == (0, True, "mine")
    assert added["manifest"]["tolerance"] == 0.001

    listed = json.loads(mobilebench("models list --json").out)
    assert [(one["name"], one["task"]) for one in listed][-1] == ("mine", "user's model")

    assert mobilebench("models remove mine", answer="n\n").code == 1
    assert mobilebench("models remove mine --yes").code == 0
    assert "mine" not in [one["name"] for one in json.loads(mobilebench("models list --json").out)]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ("add nowhere.onnx", "nowhere.onnx"),
        ("add net.onnx --input ids", "--input"),
        ("add net.onnx --fill ids=1", "--fill"),
        ("remove mobilenet_v2 --yes", "mobilenet_v2"),
    ],
)
def test_add_and_remove_refuse_what_does_not_exist(arguments: str, wrong: str) -> None:
    code, out, err = mobilebench(f"models {arguments}")
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert wrong in err


@pytest.mark.slow
def test_the_hint_for_open_sizes_can_be_typed(tmp_path: Path) -> None:
    file = text_model(tmp_path / "net.onnx", batch="n", sequence=8)
    code, _, err = mobilebench(f"models add {file}")
    assert code == ExitCode.BAD_INPUT
    assert "--input ids=1x8:int64 --input factor=1x8x16:float32" in err


@pytest.mark.slow
def test_prune_lists_what_it_removes_and_the_freed_bytes(pinned: Pinned) -> None:
    old = cache.models_folder() / "bert_small-fp32-b1-0123456789ab"
    old.mkdir()
    (old / "model").write_bytes(bytes(1_500_000))
    code, out, _ = mobilebench("models prune --dry-run")
    assert code == 0
    assert old.exists()
    pinned(out)
    pinned(mobilebench("models prune").out)
    assert not old.exists()
    pinned(mobilebench("models prune").out)


def test_prune_all_also_removes_current_models(pinned: Pinned) -> None:
    current = cache.folder_of("bert_small", "fp32", 1)
    current.mkdir()
    out = mobilebench("models prune --all").out
    assert not current.exists()
    pinned(out.replace(current.name, "MODEL"))
