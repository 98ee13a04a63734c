"""`mobilebench libraries`, and `--engine-library`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.engines.libraries import cached, given, host_build
from tests.cli.command_line import mobilebench
from tests.engines.libraries.fakes import COORDINATE, aar, client, elf, pin, sha256
from tests.pinning import Pinned

PHONE = "android-arm64-v8a"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in given.NAMES:
        monkeypatch.delenv(given.variable(name), raising=False)
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cached, "_failures", {})


@pytest.mark.parametrize("command", ["list", "fetch"])
def test_help(command: str) -> None:
    code, out, _ = mobilebench(f"libraries {command} --help")
    assert code == 0
    assert "Usage" in out


def test_fetched_then_listed_with_its_licence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = aar(tmp_path / "engine.aar")
    pin(monkeypatch, archive)
    client(tmp_path / "bin", monkeypatch, "mvn", f'cp {archive} "$OUT/engine.aar"')
    code, out, err = mobilebench(f"libraries fetch --build {PHONE} --engine onnxruntime")
    assert (code, out) == (0, "1 of 1 libraries are on this computer.\n")
    assert f"Fetching {COORDINATE}" in err
    code, out, _ = mobilebench(f"libraries list --build {PHONE} --json")
    (entry,) = json.loads(out)
    assert (entry["state"], entry["licence"], entry["version"]) == ("here", "MIT", "1.0")
    assert entry["sha256"] == sha256(elf("arm64-v8a", android=True))
    code, out, _ = mobilebench(f"libraries list --build {PHONE}")
    assert "1.0 *" in out
    assert f"onnxruntime 1.0 from {COORDINATE}." in out


def test_what_cannot_be_fetched_is_said_once_with_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    pin(monkeypatch, aar(tmp_path / "engine.aar"))
    client(tmp_path / "bin", monkeypatch, "mvn", 'echo "[ERROR] no route"; exit 1')
    code, out, err = mobilebench(f"libraries fetch --build {PHONE} --engine onnxruntime")
    assert code == ExitCode.CASES_FAILED
    pinned(out)
    assert err.count("no route") == 1


def test_an_unknown_build_is_bad_input(pinned: Pinned) -> None:
    code, _, err = mobilebench("libraries list --build android-mips")
    assert code == ExitCode.BAD_INPUT
    pinned(err)


def test_the_option_shows_a_users_file_and_ends_with_the_command(tmp_path: Path) -> None:
    mine = tmp_path / "mine.so"
    mine.write_bytes(elf(host_build().partition("-")[2]))
    code, out, _ = mobilebench(f"libraries list --build {host_build()} --engine-library tflite={mine} --json")
    assert code == 0
    found = {entry["engine"]: entry for entry in json.loads(out)}
    assert (found["tflite"]["sources"], found["tflite"]["licence"]) == (["--engine-library mine.so"], None)
    assert given.files("tflite") == []


@pytest.mark.parametrize("option", ["tfjs=x.so", "onnxruntime=absent.so", "onnxruntime"])
def test_a_run_with_a_library_that_cannot_be_used_is_bad_input(option: str) -> None:
    code, _, err = mobilebench(f"run --serial host --engine-library {option} --dry-run")
    assert code == ExitCode.BAD_INPUT
    assert "--engine-library" in err


def test_a_run_whose_targets_cannot_use_the_library_is_bad_input(tmp_path: Path) -> None:
    archive = aar(tmp_path / "onnxruntime.aar")
    code, _, err = mobilebench(f"run --serial host --engine-library onnxruntime={archive} --dry-run")
    assert code == ExitCode.BAD_INPUT
    assert f"runs {host_build()}" in err
