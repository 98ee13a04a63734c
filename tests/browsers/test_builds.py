"""Several builds of a browser side by side: named, found, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.browsers import builds, chrome, firefox, launching, names
from mobilebench.core.errors import BadInput, Unsupported
from tests.browsers.processes import program
from tests.conftest import Declare
from tests.pinning import Pinned

CHROME = 'echo "Chromium 140.0.7000.12 built on Debian"'
FIREFOX = 'echo "Mozilla Firefox 146.0.1esr"'


@pytest.fixture(autouse=True)
def nothing_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(builds.VARIABLE, "")
    monkeypatch.setattr(chrome, "find", lambda: None)
    monkeypatch.setattr(firefox, "find", lambda: None)


def test_builds_that_are_declared_are_installed_under_their_names(tmp_path: Path, declare: Declare) -> None:
    old, new = program(tmp_path, CHROME, "old"), program(tmp_path, FIREFOX, "new")
    assert declare([f"chrome@old={old}", f"firefox={new}"]) == ("chrome@old", "firefox")
    assert builds.installed() == {"chrome@old": "140.0.7000.12", "firefox": "146.0.1"}
    assert builds.find("chrome@old") == launching.Binary(old, "140.0.7000.12")
    assert builds.find("chrome") is None
    assert builds.find("chrome@new") is None


def test_a_path_alone_is_chrome(tmp_path: Path, declare: Declare) -> None:
    path = program(tmp_path, CHROME, "my=chrome with spaces")
    assert declare([str(path)]) == ("chrome",)
    assert builds.installed() == {"chrome": "140.0.7000.12"}


def test_flags_may_follow_the_path(tmp_path: Path, declare: Declare) -> None:
    path = program(tmp_path, CHROME)
    other = program(tmp_path, FIREFOX, "firefox")
    flags = "javascript.options.wasm_baselinejit=false LIBGL_DEBUG=verbose"
    declare([f"chrome@flat='{path}' --js-flags='--no-opt --liftoff' --x", f"firefox@base={other} {flags}"])
    assert builds.find("chrome@flat") == launching.Binary(
        path, "140.0.7000.12", ("--js-flags=--no-opt --liftoff", "--x")
    )
    assert builds.find("firefox@base") == launching.Binary(other, "146.0.1", tuple(flags.split()))


def test_declaring_again_replaces_a_build_and_keeps_others(tmp_path: Path, declare: Declare) -> None:
    one, two = program(tmp_path, CHROME, "one"), program(tmp_path, CHROME, "two")
    declare([f"chrome@a={one}", f"chrome@b={one}"])
    declare([f"chrome@a={two}"])
    declare([])
    assert [found.path for name in ("chrome@a", "chrome@b") if (found := builds.find(name))] == [two, one]


def test_a_package_is_a_build_of_phones_and_one_name_may_be_both(tmp_path: Path, declare: Declare) -> None:
    here = program(tmp_path, CHROME)
    texts = [f"chrome@flat={here} --x", "chrome@flat=com.android.chrome --x '--js-flags=--a --b'"]
    assert declare(texts) == ("chrome@flat",)
    assert builds.of_phones() == (
        builds.PhoneBuild("chrome@flat", "com.android.chrome", ("--x", "--js-flags=--a --b")),
    )
    assert builds.find("chrome@flat") == launching.Binary(here, "140.0.7000.12", ("--x",))
    declare(["chrome@flat=com.chrome.beta", "firefox@new=org.mozilla.fenix a.b=1"])
    assert [build.package for build in builds.of_phones()] == ["com.chrome.beta", "org.mozilla.fenix"]
    assert builds.installed() == {"chrome@flat": "140.0.7000.12"}


@pytest.mark.parametrize(
    ("word", "is_one"),
    [
        ("com.android.chrome", True),
        ("org.mozilla.firefox_beta", True),
        ("chrome.exe", False),
        ("/usr/bin/com.android.chrome", False),
        ("com.android.chrome;id", False),
        ("com.android.1chrome", False),
        ("com..chrome.x", False),
    ],
)
def test_what_is_a_package(word: str, is_one: bool) -> None:
    assert names.is_package(word) is is_one


@pytest.mark.parametrize(
    "text",
    [
        "chrome@x=com.android.chrome fast",
        "firefox@x=org.mozilla.fenix fast",
        "beta=/usr/bin/true",
        "chrome@=/usr/bin/true",
        "chrome@a b=/usr/bin/true",
        "/no/such/browser",
        "chrome@x=",
        "chrome@x='/usr/bin",
        "chrome@x=/usr/bin/true",
        "firefox@x={chrome}",
        "chrome@x={firefox}",
        "chrome@x={chrome} fast",
        "firefox@x={firefox} fast",
        "firefox@x={firefox} name=[1]",
    ],
)
def test_what_is_no_build_is_refused(tmp_path: Path, text: str, declare: Declare, pinned: Pinned) -> None:
    chosen = text.format(chrome=program(tmp_path, CHROME, "c"), firefox=program(tmp_path, FIREFOX, "f"))
    with pinned.raises(BadInput):
        declare([chosen])
    assert builds.installed() == {}


def test_an_invalid_line_of_the_variable_is_reported(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    monkeypatch.setenv(builds.VARIABLE, "chrome@beta /opt/chrome")
    with pinned.raises(BadInput):
        builds.installed()


def test_an_undeclared_build_is_unsupported_with_a_hint(pinned: Pinned) -> None:
    with pinned.raises(Unsupported), builds.launch("chrome@beta"):
        pass


@pytest.mark.parametrize("name", ["chrome", "firefox", "chrome@beta", "firefox@nightly-2", "chrome@1.0_x"])
def test_names(name: str) -> None:
    assert names.is_name(name)
    assert names.family(name) in names.FAMILIES


@pytest.mark.parametrize(
    "name", ["", "opera", "chrome@", "chrome@-x", "Chrome", "chrome@a/b", "chrome\n", "chrome@a,b"]
)
def test_no_names(name: str) -> None:
    assert not names.is_name(name)


class TestFirefoxFlags:
    def test_they_are_of_three_kinds(self) -> None:
        start = firefox.sorted_out(["--kiosk", "a.b=true", 'c="x=y"', "a.b=false", "MOZ_LOG=all", "n=3"])
        assert start == firefox.Start(("--kiosk",), {"a.b": False, "c": "x=y", "n": 3}, {"MOZ_LOG": "all"})

    def test_what_it_is_always_started_with_is_well_formed(self) -> None:
        every = (firefox.HEADLESS, *firefox.QUIET, *firefox.AWAKE, *firefox.SOFTWARE_GPU, *firefox.HARDWARE_GPU)
        start = firefox.sorted_out(every)
        assert start.arguments == ("--headless",)
        assert start.preferences["datareporting.healthreport.uploadEnabled"] is False
        assert start.environment["LIBGL_ALWAYS_SOFTWARE"] == "1"

    @given(st.lists(st.text()))
    def test_no_text_breaks_it(self, flags: list[str]) -> None:
        try:
            start = firefox.sorted_out(flags)
        except BadInput:
            return
        assert len(start.arguments) + len(start.preferences) + len(start.environment) <= len(flags)


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
class TestNoScreenAndNoSpace:
    def test_a_window_needs_a_screen(
        self, browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned, declare: Declare
    ) -> None:
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        path = program(tmp_path, CHROME if browser == "chrome" else FIREFOX)
        declare([f"{browser}={path}"])
        with pinned.raises(Unsupported), builds.launch(browser, headed=True):
            pass

    def test_a_window_is_not_headless(
        self, browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declare: Declare
    ) -> None:
        monkeypatch.setattr(launching, "why_no_screen", lambda: None)
        version = CHROME if browser == "chrome" else FIREFOX
        path = program(tmp_path, f'case $1 in --version) {version};; *) echo "$*" >&2; exit 1;; esac')
        declare([f"{browser}={path}"])
        for headed in (True, False):
            with pytest.raises(launching.BlockFailed) as failed, builds.launch(browser, headed=headed):
                pass
            assert ("--headless" in failed.value.message) is (not headed)

    def test_a_full_disk_is_named(
        self, browser: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, declare: Declare
    ) -> None:
        declare([f"{browser}={program(tmp_path, CHROME if browser == 'chrome' else FIREFOX)}"])
        monkeypatch.setattr(launching, "PROFILE_NEEDS_MB", 10**9)
        with (
            pytest.raises(launching.BlockFailed, match=f"no space left for {browser}'s profile"),
            builds.launch(browser),
        ):
            pass
        assert list(temporary.iterdir()) == []
