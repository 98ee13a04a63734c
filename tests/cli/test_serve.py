"""`mobilebench serve` where it cannot serve: what was wrong, and what to do; nothing is left."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mobilebench.core import paths
from mobilebench.core.errors import ExitCode
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned


@pytest.fixture(autouse=True)
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    page = tmp_path / "pages" / "bench.html"
    page.parent.mkdir()
    page.touch()
    monkeypatch.setattr(paths, "web_pages", lambda: page.parent)
    return page


def refusal(tmp_path: Path, options: str = "") -> str:
    """What `serve` with these options prints on standard error when it refuses to serve."""
    code, out, err = mobilebench(f"serve --out {tmp_path}/results {options}")
    assert code == ExitCode.BAD_INPUT, err
    assert "http" not in out
    assert not (tmp_path / "results" / "results.sqlite").exists()
    return err


def test_a_port_that_is_taken(tmp_path: Path, pinned: Pinned) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error = refusal(tmp_path, f"--port {port}")
    pinned(error.replace(str(port), "PORT"))


@pytest.mark.parametrize("address", ["203.0.113.7", "no such address"])
def test_an_address_of_no_interface(tmp_path: Path, address: str, pinned: Pinned) -> None:
    pinned(refusal(tmp_path, f"--listen '{address}' --no-tls"))


def test_tls_without_the_program_that_makes_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refusal(tmp_path, "--listen 127.0.0.1")
    pinned(error)
    assert "--no-tls" in error


def test_pages_that_are_not_built(tmp_path: Path, pages: Path, pinned: Pinned) -> None:
    pages.unlink()
    pinned(refusal(tmp_path))
