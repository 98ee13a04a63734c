"""What is said when the folders of mobilebench cannot be made or written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobilebench.cli import app
from mobilebench.core import paths
from mobilebench.core.errors import BadInput


@pytest.mark.parametrize(
    ("variable", "folder"),
    [("MOBILEBENCH_HOME", paths.home), ("MOBILEBENCH_CACHE", paths.cache)],
    ids=["MOBILEBENCH_HOME", "MOBILEBENCH_CACHE"],
)
@pytest.mark.parametrize("where", ["below a file", "in a folder of the system", "a file"])
def test_a_folder_that_cannot_be_made_says_what_to_set(variable, folder, where, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    places = {"below a file": file / "home", "in a folder of the system": Path("/proc/home"), "a file": file}
    monkeypatch.setenv(variable, str(places[where]))
    with pytest.raises(BadInput, match=str(places[where])) as caught:
        folder()
    assert variable in caught.value.hint


@pytest.mark.parametrize(
    ("variable", "command"),
    [
        ("MOBILEBENCH_HOME", "models list"),
        ("MOBILEBENCH_HOME", "results"),
        ("MOBILEBENCH_HOME", "virtual list"),
        ("MOBILEBENCH_HOME", "run --serial host --dry-run"),
        ("MOBILEBENCH_CACHE", "models list"),
        ("MOBILEBENCH_CACHE", "libraries list"),
    ],
)
def test_commands_name_the_variable(variable, command, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(variable, str(tmp_path / "file/below"))
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2
    assert variable in done.stderr


def test_a_file_that_cannot_be_written_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    assert "MOBILEBENCH_HOME" in paths.advice(str(tmp_path / "home/runs/x"))
    assert "MOBILEBENCH_CACHE" in paths.advice(tmp_path / "cache/models")
    assert paths.advice("/elsewhere/x") is None
    assert paths.advice(None) is None


def test_a_command_in_a_test_leaves_the_users_home_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    store = tmp_path / "data" / "mobilebench" / "results.sqlite"
    store.parent.mkdir(parents=True)
    store.write_text("not to be read, upgraded or moved")
    for command in ("results", "quarantine list", "run --serial host --dry-run --engine tflite --model bert_small"):
        CliRunner().invoke(app, command.split())
    assert Path(os.environ["MOBILEBENCH_HOME"]).is_dir(), "the commands have used the home of this test"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [store]
    assert store.read_text() == "not to be read, upgraded or moved"


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_has_an_empty_home_of_its_own(time):
    assert list(paths.home().iterdir()) == []
    (paths.home() / time).touch()


def test_a_user_who_is_not_known_is_named():
    with pytest.raises(BadInput, match="~nobody-of-this-name/frames"):
        paths.expanded("~nobody-of-this-name/frames")
