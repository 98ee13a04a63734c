"""Builds of a checkout are held against its sources, by content."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobilebench.cli import app
from mobilebench.core import paths
from mobilebench.core.errors import BadInput
from mobilebench.engines import builds, libraries
from mobilebench.engines.registry import engines
from tests.pinning import Pinned

ROOT = Path(__file__).resolve().parents[2]
HOST = libraries.host_build()
PHONE = "android-arm64-v8a"
FILES = [
    *("web/bench.html", "web/manual.html", "web/build.js", "web/package.json", "web/package-lock.json"),
    *(
        "web/tsconfig.json",
        "web/scenarios/typing.html",
        "web/src/page.ts",
        "web/src/recorders/kernels.ts",
        "web/frameworks/tfjs/wasm.ts",
    ),
    *("native/CMakeLists.txt", "native/CMakePresets.json", "native/src/main.c", "native/bionic/start.c"),
]
NO_SOURCES = ["web/tests/page.test.ts", "web/frameworks/tfjs-4.2/node_modules/x/index.js", "native/tests/probe.c"]


def keep_sums(checkout: Path, build: str) -> None:
    """As a build does."""
    kept = checkout / "mobilebench" / "assets" / "sources" / build
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(
        subprocess.run([checkout / "scripts" / "sources.sh", build], check=True, capture_output=True).stdout
    )


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with every build, all of them current."""
    for name in [*FILES, *NO_SOURCES]:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n")
    (tmp_path / "scripts").mkdir()
    for script in ("sources.sh", "build-if-changed.sh"):
        shutil.copy2(ROOT / "scripts" / script, tmp_path / "scripts")
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "mobilebench")
    monkeypatch.setattr(paths, "_CHECKOUT", tmp_path)
    made = [paths.web_pages() / "bench.html", paths.runner(HOST), paths.runner(PHONE)]
    for file, build in zip(made, (builds.PAGES, HOST, PHONE), strict=True):
        file.parent.mkdir(parents=True)
        file.touch()
        keep_sums(tmp_path, build)
    return tmp_path


def stale(checkout: Path) -> set[str]:
    found = set()
    for build in (builds.PAGES, HOST, PHONE):
        try:
            builds.require_current([build])
        except BadInput:
            found.add(build)
    return found


def change(name: str) -> Callable[[Path], None]:
    return lambda checkout: (checkout / name).write_text("another\n") and None


def move(checkout: Path) -> None:
    (checkout / "web/src/page.ts").rename(checkout / "web/src/pages.ts")


def touch(checkout: Path) -> None:
    """What a checkout of the same commit, a copy or an unpacked archive does."""
    for name in FILES:
        os.utime(checkout / name, (2**31, 2**31))


@pytest.mark.parametrize(
    ("what", "found"),
    [
        (lambda checkout: None, set()),
        (touch, set()),
        *[(change(name), set()) for name in NO_SOURCES],
        (change("web/src/.page.ts.swp"), set()),
        (change("web/src/page.ts"), {"web"}),
        (change("web/src/new.ts"), {"web"}),
        (change("web/src/manual/with spaces.ts"), {"web"}),
        (change("web/package-lock.json"), {"web"}),
        (lambda checkout: (checkout / "web/src/recorders/kernels.ts").unlink(), {"web"}),
        (move, {"web"}),
        (change("native/src/main.c"), {HOST, PHONE}),
        (change("native/src/new.h"), {HOST, PHONE}),
        (lambda checkout: (checkout / "native/src/main.c").unlink(), {HOST, PHONE}),
        (change("native/bionic/start.c"), {PHONE}),
        (lambda checkout: (checkout / "mobilebench/assets/sources/web").unlink(), {"web"}),
    ],
)
def test_a_build_is_stale_when_a_source_of_its_own_changed(
    checkout: Path, what: Callable[[Path], None], found: set[str]
) -> None:
    (checkout / "web/src/manual").mkdir()
    what(checkout)
    assert stale(checkout) == found


def test_a_stale_build_is_refused_with_what_changed_and_how_to_build_it(checkout: Path, pinned: Pinned) -> None:
    change("web/src/page.ts")(checkout)
    with pytest.raises(BadInput) as pages:
        builds.require_current(["web"])
    expected = "The pages were built from other sources than web/ has now (web/src/page.ts)."
    assert (pages.value.message, pages.value.hint) == (expected, "Run `make web`.")
    change("native/src/main.c")(checkout)
    change("native/src/new.c")(checkout)
    for build, goal in ((HOST, "native"), (PHONE, "native-android")):
        with pytest.raises(BadInput) as runner:
            builds.require_current([build])
        pinned(runner.value.message)
        assert runner.value.hint == f"Run `make {goal}`."


def test_what_is_not_built_and_what_has_no_sources_is_not_compared(checkout: Path) -> None:
    change("web/src/page.ts")(checkout)
    (paths.web_pages() / "bench.html").unlink()
    builds.require_current(["web"])
    change("native/src/main.c")(checkout)
    shutil.rmtree(checkout / "scripts")
    builds.require_current([HOST])


def test_sources_that_cannot_be_listed_are_reported(checkout: Path) -> None:
    shutil.rmtree(checkout / "web" / "src")
    with pytest.raises(BadInput, match="web/src"):
        builds.require_current(["web"])


def test_engines_need_pages_a_runner_or_neither() -> None:
    needed = {name: builds.needed_by(engine, PHONE) for name, engine in engines().items()}
    assert {name for name, build in needed.items() if build == PHONE} == {"tflite", "onnxruntime", "sleep"}
    assert {name for name, build in needed.items() if build is None} == {"tensorflow"}
    of_pages = {name.split("@")[0] for name, build in needed.items() if build == "web"}
    assert of_pages == {"tfjs", "ortjs", "litertjs", "page"}


@pytest.mark.slow
def test_a_run_refuses_only_what_it_needs(checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "device_profiles", lambda: ROOT / "device_profiles")
    change("web/src/page.ts")(checkout)

    def run(engine: str, *more: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["run", "--serial", "host", "--suite", "quick", "--engine", engine, *more])
        return done.exit_code, done.stderr

    code, words = run("tfjs")
    assert (code, "were built from other sources" in words) == (2, True)
    assert run("tfjs", "--dry-run")[0] == 0
    change("native/src/main.c")(checkout)
    code, words = run("tflite")
    assert (code, "native runner" in words, "pages" in words) == (2, True, False)


def test_a_build_is_made_again_only_when_its_sources_changed(checkout: Path) -> None:
    file = checkout / "mobilebench/assets/web/bench.html"

    def make() -> str:
        command = ["scripts/build-if-changed.sh", "web", file, "Building the pages", "echo", "built"]
        done = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True)
        assert done.stderr == ""
        return done.stdout

    touch(checkout)
    assert make() == ""
    (checkout / "web/src/page.ts").unlink()
    assert make() == "Building the pages\nbuilt\n"
    keep_sums(checkout, "web")
    assert make() == ""
    kept = checkout / "mobilebench/assets/sources/web"
    kept.write_text("another\n" + kept.read_text())
    assert make() == "Building the pages\nbuilt\n"
    kept.unlink()
    assert make() == "Building the pages\nbuilt\n"
    keep_sums(checkout, "web")
    file.unlink()
    assert make() == "Building the pages\nbuilt\n"


@pytest.mark.build
@pytest.mark.parametrize("build", ["web", HOST])
def test_the_builds_of_this_checkout_are_current(build: str) -> None:
    listed = subprocess.run([paths.sources_script(), build], check=True, capture_output=True, text=True).stdout
    assert paths.sources_of(build).read_text() == listed, "run `make web native`"
    assert len(listed.splitlines()) > 50
    builds.require_current([build])
