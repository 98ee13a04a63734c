"""`mobilebench models add` and `models remove`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobilebench.cli import app

from ..models.user_models.making_onnx import text_model

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def invoke(*arguments: str, answer: str | None = None) -> tuple[int, str, str]:
    result = runner.invoke(app, ["models", *arguments], input=answer)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.slow
def test_added_shown_listed_and_removed(tmp_path: Path) -> None:
    file = str(text_model(tmp_path / "net.onnx"))
    code, out, err = invoke("add", file, "--name", "mine", "--fill", "ids=integers:0:5", "--tolerance", "0.001")
    assert (code, "asking ONNX Runtime" in err) == (0, True), err
    assert "mine was added: fp32, batch 1" in out
    assert "integers from 0 to below 5" in out
    assert "mobilebench run --serial host --model mine" in out

    code, out, _ = invoke("add", file, "--json")
    told = json.loads(out)
    assert (code, told["already_there"], told["manifest"]["model"]) == (0, True, "mine")
    assert told["manifest"]["tolerance"] == 0.001

    listed = json.loads(invoke("list", "--json")[1])
    assert [(one["name"], one["task"]) for one in listed][-1] == ("mine", "user's model")

    assert invoke("remove", "mine", answer="n\n")[0] == 1
    code, out, _ = invoke("remove", "mine", "--yes")
    assert (code, "Removed mine" in out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", "nowhere.onnx"], "no file nowhere.onnx"),
        (["add", "net.onnx", "--input", "ids"], "NAME=SHAPE:DTYPE"),
        (["add", "net.onnx", "--fill", "ids=1"], "--fill"),
        (["remove", "mobilenet_v2", "--yes"], "Only users' own models can be removed"),
    ],
)
def test_mistakes_are_told_with_exit_code_2(arguments: list[str], says: str) -> None:
    code, _, err = invoke(*arguments)
    assert code == 2
    assert says in " ".join(err.split())


def test_open_sizes_are_asked_for_by_the_very_flag(tmp_path: Path) -> None:
    code, _, err = invoke("add", str(text_model(tmp_path / "net.onnx", batch="n", sequence=8)))
    assert code == 2
    assert "--input ids=1x8:int64 --input factor=1x8x16:float32" in err
