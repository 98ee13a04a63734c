"""`mobilebench models build`, `models fetch` and `models weights`. Nothing is really built here."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mobilebench.core.errors import ExitCode, MobilebenchError
from mobilebench.models import obtain, registry
from mobilebench.models.spec import Pretrained
from mobilebench.models.weights import fetch, sources, weights_file
from mobilebench.models.weights.download import Patience
from tests.cli.command_line import mobilebench
from tests.models.weights.weights_server import Site, serving
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
    code, out, err = mobilebench("models build bert_small --precision int8 --batch 2")
    assert code == 0
    pinned(out)
    pinned(err)
    assert built == [("bert_small", "int8", 2)]


def test_all_means_every_listed_model_in_every_precision(built: list[Any]) -> None:
    code, out, err = mobilebench("models build --all")
    assert code == ExitCode.CASES_FAILED
    listed = [one["name"] for one in json.loads(mobilebench("models list --json").out)]
    assert built == [(name, precision, 1) for name in listed for precision in registry.PRECISIONS]
    assert "vgg16 int8: failed. The answer differs." in err
    assert f"{len(built) - 4} of {len(built)} models, " in out


def test_a_pattern_stands_for_the_published_grid(built: list[Any]) -> None:
    assert mobilebench("models build 'rnn_*'").code == 0
    assert len(built) == 18


@pytest.mark.parametrize("arguments", ["", "bert_small --all"])
def test_build_takes_either_names_or_all(built: list[Any], arguments: str, pinned: Pinned) -> None:
    code, _, err = mobilebench(f"models build {arguments}")
    assert (code, built) == (ExitCode.BAD_INPUT, [])
    pinned(err)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ("bert_smal", "bert_smal"),
        ("bert_small --precision fp64", "fp64"),
        ("'nothing_*'", "nothing_*"),
    ],
)
def test_build_refuses_unknown_names_before_anything_is_built(built: list[Any], arguments: str, wrong: str) -> None:
    code, _, err = mobilebench(f"models build {arguments}")
    assert (code, built) == (ExitCode.BAD_INPUT, [])
    assert wrong in err


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("weights") / "file"
    weights_file.export([np.arange(200_000, dtype=np.float32)], file)
    return file.read_bytes()


@pytest.fixture
def site(content: bytes) -> Iterator[Site]:
    with serving(Site(content=content)) as one:
        yield one


def sum_of(site: Site) -> str:
    return hashlib.sha256(site.content).hexdigest()


def test_weights_are_named_fetched_used_and_forgotten(site: Site, pinned: Pinned) -> None:
    digits = sum_of(site)
    code, out, _ = mobilebench(
        f"models fetch squeezenet --url {site.url} --sha256 {digits} --licence MIT --source 'Someone, 2020'"
    )
    assert code == 0
    assert [line.strip() for line in out.splitlines()] == [
        f"squeezenet: {site.url}",
        "licence: MIT",
        "source: Someone, 2020",
        f"complete: 800.1 kB, sha256 {digits}",
        f"recorded for squeezenet in {sources.file()}",
        f"The next build of squeezenet uses them, and every record says `weights: pretrained: {digits}`.",
    ]
    assert mobilebench("models fetch squeezenet").code == 0
    assert len(site.asked) == 1
    assert fetch.fetched("squeezenet") is not None
    pinned(mobilebench("models fetch squeezenet --forget").out)
    assert fetch.fetched("squeezenet") is None
    pinned(mobilebench("models fetch squeezenet --forget").out)


def test_what_could_not_be_fetched_is_not_named(site: Site, pinned: Pinned) -> None:
    mobilebench(f"models fetch squeezenet --url {site.url} --sha256 {sum_of(site)}")
    before = sources.read()
    code, _, err = mobilebench(f"models fetch squeezenet --url {site.url} --sha256 {'0' * 64}")
    assert code == 2
    pinned(err)
    assert sources.read() == before


def test_without_named_weights_seeded_ones_are_used(pinned: Pinned) -> None:
    code, _, err = mobilebench("models fetch squeezenet")
    assert code == 2
    pinned(err)
    assert "--url" in err
    assert str(sources.file()) in err


@pytest.mark.parametrize(
    "arguments",
    [
        "squeezenet --url https://example.org/a",
        "squeezenet --sha256 SUM",
        "squeezenet --url https://example.org/a --sha256 12",
        "squeezenet --url a --sha256 SUM",
        "squeezenet,bert_small --url file:///a --sha256 SUM",
        "squeezenet --forget --licence MIT",
    ],
)
def test_fetch_refuses_options_that_do_not_fit(arguments: str, pinned: Pinned) -> None:
    code, out, err = mobilebench(f"models fetch {arguments.replace('SUM', '0' * 64)}")
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    pinned(err)


def test_piped_progress_is_plain_lines(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobilebench.cli.progress.DownloadLines.EVERY_S", 0.0)
    site.cuts = [300_000]
    monkeypatch.setattr(fetch, "Patience", partial(Patience, pause_s=0.001))
    code, _, err = mobilebench(f"models fetch squeezenet --url {site.url} --sha256 {sum_of(site)}")
    assert code == 0
    assert "after 0.3 MB\n" in err
    assert "squeezenet: 800.1 kB of 800.1 kB (100%)" in err
    assert "\x1b" not in err


@pytest.mark.slow
def test_on_a_terminal_ctrl_c_says_what_is_kept_and_how_to_go_on(site: Site) -> None:
    site.hold_at = 300_000
    ours, theirs = pty.openpty()
    command = ["models", "fetch", "squeezenet", "--url", site.url, "--sha256", sum_of(site)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mobilebench", *command],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    assert site.holding.wait(60)
    weights = Pretrained(url=site.url, sha256=sum_of(site))
    while fetch.kept(weights, fetch.weights_folder()) < 327_680:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    shown = b""
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    assert process.wait(60) == 130
    assert "━" in shown.decode()
    assert "327.7 kB are kept" in shown.decode()
    assert "Traceback" not in shown.decode()
    assert sources.read() == {}


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def test_a_template_needs_a_model_that_is_known(pinned: Pinned) -> None:
    code, _, err = mobilebench("models weights nothing file")
    assert code == 2
    pinned(err)
