"""`mobilebench models fetch`, `weights` and `prune`, as they are typed."""

from __future__ import annotations

import hashlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mobilebench.cli import app
from mobilebench.models.build import cache
from mobilebench.models.spec import Pretrained
from mobilebench.models.weights import fetch, sources, weights_file
from mobilebench.models.weights.download import Patience
from tests.models.weights.weights_server import Site, serving
from tests.pinning import Pinned

runner = CliRunner()


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


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = runner.invoke(app, ["models", *arguments])
    return result.exit_code, result.stdout, result.stderr


def sum_of(site: Site) -> str:
    return hashlib.sha256(site.content).hexdigest()


@pytest.mark.parametrize("command", ["fetch", "weights", "prune"])
def test_help(command: str) -> None:
    code, out, _ = invoke(command, "--help")
    assert code == 0
    assert "Usage" in out


def test_weights_are_named_fetched_used_and_forgotten(site: Site, pinned: Pinned) -> None:
    digits = sum_of(site)
    code, out, _ = invoke(
        "fetch", "squeezenet", "--url", site.url, "--sha256", digits, "--licence", "MIT", "--source", "Someone, 2020"
    )
    assert code == 0
    assert [line.strip() for line in out.splitlines()] == [
        f"squeezenet: {site.url}",
        "licence: MIT",
        "source: Someone, 2020",
        f"here: 800.1 kB, sha256 {digits}",
        f"named for squeezenet in {sources.file()}",
        f"The next build of squeezenet uses them, and every record says `weights: pretrained: {digits}`.",
    ]
    assert invoke("fetch", "squeezenet")[0] == 0
    assert len(site.asked) == 1
    assert fetch.fetched("squeezenet") is not None
    pinned(invoke("fetch", "squeezenet", "--forget")[1])
    assert fetch.fetched("squeezenet") is None
    pinned(invoke("fetch", "squeezenet", "--forget")[1])


def test_what_could_not_be_fetched_is_not_named(site: Site, pinned: Pinned) -> None:
    invoke("fetch", "squeezenet", "--url", site.url, "--sha256", sum_of(site))
    before = sources.read()
    code, _, err = invoke("fetch", "squeezenet", "--url", site.url, "--sha256", "0" * 64)
    assert code == 2
    pinned(err)
    assert sources.read() == before


def test_without_named_weights_seeded_ones_are_used(pinned: Pinned) -> None:
    code, _, err = invoke("fetch", "squeezenet")
    assert code == 2
    pinned(err)
    assert "--url" in err
    assert str(sources.file()) in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "There is no model 'nothing'"),
        (["squeezenet", "--url", "https://example.org/a"], "--url and --sha256 belong together"),
        (["squeezenet", "--sha256", "0" * 64], "--url and --sha256 belong together"),
        (["squeezenet", "--url", "https://example.org/a", "--sha256", "12"], "--sha256 is not valid: it must be 64"),
        (["squeezenet", "--url", "a", "--sha256", "0" * 64], "--url is not valid: it must begin with https://"),
        (["squeezenet,bert_small", "--url", "file:///a", "--sha256", "0" * 64], "one model, not of 2"),
        (["squeezenet", "--forget", "--licence", "MIT"], "takes no other option"),
    ],
)
def test_what_was_typed_wrongly_is_told(arguments: list[str], said: str) -> None:
    code, out, err = invoke("fetch", *arguments)
    assert code == 2
    assert said in err
    assert out == ""


def test_piped_progress_is_plain_lines(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobilebench.cli.models_fetch.DownloadLines.EVERY_S", 0.0)
    site.cuts = [300_000]
    monkeypatch.setattr(fetch, "Patience", partial(Patience, pause_s=0.001))
    code, _, err = invoke("fetch", "squeezenet", "--url", site.url, "--sha256", sum_of(site))
    assert code == 0
    assert "squeezenet: going on after 0.3 MB\n" in err
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
    assert site.holding.wait(20)
    weights = Pretrained(url=site.url, sha256=sum_of(site))
    while fetch.kept(weights, fetch.weights_folder()) < 327_680:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    shown = b""
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    assert process.wait(20) == 130
    assert "━" in shown.decode()
    assert "Interrupted. 327.7 kB are kept; the same command goes on there." in shown.decode()
    assert "Traceback" not in shown.decode()
    assert sources.read() == {}


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def test_prune_says_what_went_and_how_much_it_was() -> None:
    old = cache.models_folder() / "bert_small-fp32-b1-0123456789ab"
    old.mkdir()
    (old / "model").write_bytes(bytes(1_500_000))
    code, out, _ = invoke("prune", "--dry-run")
    assert code == 0
    assert out.splitlines() == [
        f"would go: models/{old.name} (1.5 MB; made from another definition or other weights)",
        "1.5 MB would be freed.",
    ]
    assert invoke("prune")[1].splitlines() == [
        f"removed: models/{old.name} (1.5 MB; made from another definition or other weights)",
        "1.5 MB were freed.",
    ]
    assert invoke("prune")[1] == "Nothing to prune.\n"


def test_prune_all_says_so_first(tmp_path: Path) -> None:
    cache.folder_of("bert_small", "fp32", 1).mkdir()
    out = invoke("prune", "--all")[1].splitlines()
    where = tmp_path / "cache"
    assert out[0] == f"All built models, fetched weights and compressed copies of {where} go; they can be made again."
    assert out[1].endswith("(0 bytes; current)")


def test_a_template_needs_a_model_that_is_known(pinned: Pinned) -> None:
    code, _, err = invoke("weights", "nothing", "file")
    assert code == 2
    pinned(err)
