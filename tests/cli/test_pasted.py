"""A proposed command that continues a run works when it is pasted: it says where the run's things are."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
from typer.main import get_command

from mobilebench.cli import app, pasted

AGAIN = "Plug it in. Then `mobilebench run --resume 20261130-120000-ab12 --retry failed` measures what is left."


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    pasted.forget()
    yield
    pasted.forget()


def typed(*arguments: str) -> str:
    """The hint during `mobilebench run` with these arguments."""
    group = get_command(app)
    context = group.make_context("mobilebench", ["run", *arguments])
    name, command, rest = group.resolve_command(context, ["run", *arguments])
    pasted.remember(command.make_context(name, rest, parent=context))
    return pasted.completed(AGAIN)


def command_in(hint: str) -> list[str]:
    return shlex.split(hint.split("`")[1])


def test_what_was_typed_is_there_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_STORE", "/from/the/environment")
    assert typed("--serial", "host", "--suite", "quick") == AGAIN
    hint = typed("--out", "my results", "--rack-certificates=/ca", "--serial", "all", "--browser-path", "chrome@b=/b")
    assert command_in(hint) == [
        *("mobilebench", "run", "--resume", "20261130-120000-ab12", "--retry", "failed"),
        *("--rack-certificates", "/ca", "--browser-path", "chrome@b=/b", "--out", "my results"),
    ]
    assert typed(*command_in(hint)[2:]) == hint
    pasted.forget()
    assert pasted.completed(AGAIN) == AGAIN


def test_a_password_is_masked_and_that_is_said() -> None:
    hint = typed("--store", "postgresql://ann:secret@db.example.org/lab")
    assert "secret" not in hint
    assert command_in(hint)[-2:] == ["--store", "postgresql://ann:***@db.example.org/lab"]
    assert "password" in hint
    assert "password" not in typed("--store", "postgresql://ann@db.example.org/lab")


def test_other_texts_stay() -> None:
    typed("--out", "x")
    assert pasted.completed("Run `mobilebench devices`.") == "Run `mobilebench devices`."
