"""`mobilebench models build`: what is asked for, told and left alone. Nothing is really built here."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mobilebench.core.errors import ExitCode, MobilebenchError
from mobilebench.models import obtain, registry
from tests.cli.test_app import invoke
from tests.pinning import Pinned


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """What was asked of the cache; `vgg16` cannot be built."""
    asked: list[tuple[str, str, int]] = []

    def ensure(name: str, precision: str, batch: int, progress: Any, *, thorough: bool) -> Any:
        assert not thorough
        asked.append((name, precision, batch))
        progress("converting")
        if name == "vgg16":
            raise MobilebenchError("The answer differs.")
        formats = {"tflite": SimpleNamespace(bytes=2**20)}
        return SimpleNamespace(manifest=SimpleNamespace(formats=formats, unsupported={"tfjs": "it has none."}))

    monkeypatch.setattr(obtain, "ensure", ensure)
    return asked


def test_sizes_and_missing_formats_are_told(built: list[Any], pinned: Pinned) -> None:
    code, out, err = invoke("models", "build", "bert_small", "--precision", "int8", "--batch", "2")
    assert code == 0
    pinned(out)
    pinned(err)
    assert built == [("bert_small", "int8", 2)]


def test_all_means_every_listed_model_in_every_precision(built: list[Any]) -> None:
    code, out, err = invoke("models", "build", "--all")
    assert code == ExitCode.CASES_FAILED
    listed = [one["name"] for one in json.loads(invoke("models", "list", "--json")[1])]
    assert built == [(name, precision, 1) for name in listed for precision in registry.PRECISIONS]
    assert "vgg16 int8: failed. The answer differs." in err
    assert f"{len(built) - 4} of {len(built)}, " in out


def test_a_pattern_stands_for_the_published_grid(built: list[Any]) -> None:
    assert invoke("models", "build", "rnn_*")[0] == 0
    assert len(built) == 18


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name the models to build, or give --all."),
        (("bert_small", "--all"), "Give either names or --all."),
        (("bert_smal",), "There is no model"),
        (("bert_small", "--precision", "fp64"), "There is no precision 'fp64'"),
        (("nothing_*",), "No model is called like"),
    ],
)
def test_bad_input_is_told_before_anything_is_built(
    built: list[Any], tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = invoke("models", "build", *arguments)
    assert code == ExitCode.BAD_INPUT
    assert message in err
    assert built == []
