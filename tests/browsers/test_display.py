"""Is there a screen for a window? Asked of X11 and of Wayland, before a browser is started."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mobilebench.browsers import display
from mobilebench.core.errors import Unsupported
from tests.pinning import Pinned


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where screens have their sockets in a test; its path is short, as that of a socket has to be."""
    with tempfile.TemporaryDirectory() as name:
        for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        monkeypatch.setattr(display, "_SOCKETS", Path(name))
        yield Path(name)


@contextmanager
def listening(path: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield


def test_neither_variable_is_set(pinned: Pinned) -> None:
    assert display.why_none() == "there is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    with pinned.raises(Unsupported) as raised:
        display.demand("Firefox")
    assert raised.value.hint is not None
    assert "xvfb-run" in raised.value.hint


@pytest.mark.parametrize("named", [":417", "unix:417", ":417.0"])
def test_a_display_answers_or_not(folder: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("DISPLAY", named)
    assert display.why_none() == f"the screen that is named does not answer (DISPLAY is {named})"
    with listening(folder / "X417"):
        assert display.why_none() is None
        display.demand("Chrome")


def test_a_display_behind_a_port_answers_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(display, "_FIRST_PORT", server.getsockname()[1] - 10)
        monkeypatch.setenv("DISPLAY", "127.0.0.1:10.0")
        assert display.why_none() is None
    assert display.why_none() is not None


@pytest.mark.parametrize("named", ["nonsense", ":", ":-1", "127.0.0.1:99999", ":99999", "\u2028:1", "x:1"])
def test_what_names_no_screen_breaks_nothing(monkeypatch: pytest.MonkeyPatch, named: str, pinned: Pinned) -> None:
    monkeypatch.setenv("DISPLAY", named)
    pinned(display.why_none() or "")


def test_one_of_two_screens_is_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":417")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert display.why_none() == (
        "the screen that is named does not answer (DISPLAY is :417, WAYLAND_DISPLAY is wayland-0)"
    )
    with listening(folder / "wayland-0"):
        assert display.why_none() is None
    monkeypatch.setenv("WAYLAND_DISPLAY", str(folder / "elsewhere"))
    with listening(folder / "elsewhere"):
        assert display.why_none() is None
