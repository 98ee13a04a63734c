"""Speedometer: which clone it is, and runs in a page with the same interface, made here."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mobilebench import targets
from mobilebench.browsers.server import PageServer
from mobilebench.core import paths
from mobilebench.core.errors import BadInput
from mobilebench.core.page_metrics import readings
from mobilebench.core.page_quality import Benchmark, ScenarioResult, SentFiles, Void
from mobilebench.scenarios import measuring
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.registry import scenario_of
from mobilebench.scenarios.speedometer import clone_at, revision_of
from tests.pinning import Pinned
from tests.scenarios.made import result, run

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OLD = """
var benchmarkClient = { shown: 0, didRunSuites(found) { this.shown = found.score },
  didFinishLastIteration() { document.title = 'shown ' + this.shown } };
function startTest() {
  if (!location.search.includes('iterationCount=1')) throw Error('how often?');
  setTimeout(() => { benchmarkClient.didRunSuites({ score: 120 }); benchmarkClient.didFinishLastIteration(); }, 20);
}"""
NEW = """
class Client {
  start() { this.runs(); }
  async runs() {
    await new Promise((then) => setTimeout(then, 20));
    try { if (SUITE_FAILS) throw new Error('no such element'); await this.didRunSuites({ score: 7.5 }); }
    catch (error) { await this.handleError(error); return; }
    await this.didFinishLastIteration({});
  }
  didRunSuites(found) { this.found = found; }
  didFinishLastIteration() { document.title = 'shown'; }
  handleError() { document.title = 'failed'; }
  STEP
}
globalThis.benchmarkClient = new Client();"""


def made(folder: Path, version: str, *, fails: bool = False) -> Path:
    """A folder that looks like a clone of this version of Speedometer, and can be run."""
    files = {"index.html": f"<title>Speedometer {version}</title>"}
    if version.startswith("2"):
        files["index.html"] += "<script src=resources/main.js></script>"
        files["resources/main.js"] = OLD
    else:
        step = "step() {}" if version.startswith("4") else ""
        files["index.html"] += "<script type=module src=resources/main.mjs></script>"
        files["resources/main.mjs"] = NEW.replace("SUITE_FAILS", str(fails).lower()).replace("STEP", step)
        files["resources/benchmark-runner.mjs"] = ""
    if version.startswith("4"):
        files["resources/benchmark-configurator.mjs"] = ""
        files["package.json"] = f'{{"version": "{version}"}}'
    files[".git/HEAD"] = f"{COMMIT}\n"
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.mark.parametrize("version", ["2.0", "2.1", "3.0", "3.1", "4.0.0-alpha"])
def test_each_version_is_recognised(version: str, tmp_path: Path) -> None:
    clone = clone_at(made(tmp_path, version))
    assert (clone.version, clone.revision) == (version, COMMIT)


def test_the_files_of_a_clone_are_offered(tmp_path: Path) -> None:
    folder = made(tmp_path / "clone", "3.1")
    (folder / "resources" / "chart").mkdir()
    (folder / "resources" / "chart" / "index.html").touch()
    scenario = scenario_of(f"speedometer:{folder}")
    assert (scenario.page, scenario.query) == ("own/index.html", "?iterationCount=1")
    assert scenario.files["own/resources/chart/"] == folder / "resources" / "chart" / "index.html"
    assert not any(".git" in name for name in scenario.files)


def test_a_page_elsewhere_keeps_its_own_query() -> None:
    assert scenario_of("speedometer:https://example.org/S/?suite=a#b").page == (
        "https://example.org/S/?suite=a&iterationCount=1"
    )


@pytest.mark.parametrize("missing", ["everything", "index.html", "resources/main.mjs", "the folder"])
def test_a_wrong_clone_is_refused(
    missing: str, tmp_path: Path, pinned: Pinned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if missing != "the folder":
        Path("clone").mkdir()
    if missing not in ("everything", "the folder"):
        (made(Path("clone"), "3.1") / missing).unlink()
    with pinned.raises(BadInput):
        scenario_of("speedometer:clone")


@pytest.mark.parametrize("name", ["index.html", "resources"])
def test_a_clone_with_a_link_out_of_it_is_refused(
    name: str, tmp_path: Path, pinned: Pinned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = made(Path("clone"), "3.1")
    elsewhere = tmp_path / "home" / name
    elsewhere.parent.mkdir()
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    with pinned.raises(BadInput):
        scenario_of("speedometer:clone")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "resources").mkdir()
    os.mkfifo(tmp_path / "index.html")
    os.mkfifo(tmp_path / "resources" / "main.js")
    with pytest.raises(BadInput, match="no clone of Speedometer"):
        scenario_of(f"speedometer:{tmp_path}")


def test_a_clone_of_nowhere(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        scenario_of("speedometer:https://")


def test_the_revision_of_a_branch(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert isinstance(revision_of(tmp_path), Void)
    (git / "packed-refs").write_text(f"# pack-refs\n{'f' * 40} refs/heads/main-2\n{COMMIT} refs/heads/main\n")
    assert revision_of(tmp_path) == COMMIT
    (git / "refs" / "heads" / "main").write_text("a" * 40)
    assert revision_of(tmp_path) == "a" * 40


@pytest.mark.parametrize("head", ["ref: refs/../../secret", "ref: /etc/passwd", "nonsense", ""])
def test_a_head_that_names_no_commit(head: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(COMMIT)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert isinstance(revision_of(tmp_path), Void)


def test_a_worktree_has_no_revision_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /elsewhere")
    assert isinstance(revision_of(tmp_path), Void)


def values(found: ScenarioResult) -> dict[str, float | Void]:
    return {one.metric.name: one.value for one in readings(found)}


def test_runs_a_minute_are_those_of_2_and_else_follow_from_the_wall_time() -> None:
    runs = [run(0, 10_000), run(11_000, 20_000)]
    old = Benchmark(name="Speedometer", version="2.1", revision=COMMIT, scores=[100, 110], unit="runs/min")
    new = old.model_copy(update={"scores": [8, 9], "unit": "points"})
    for benchmark, minute, score in ((old, 105, 105), (new, 4, 8.5)):
        found = values(result(scenario="speedometer", runs=runs, benchmark=benchmark))
        assert (found["runs_per_minute"], found["wall_seconds"], found["score"]) == (minute, 15, score)
    assert "score" not in values(result(scenario="interaction", runs=runs))


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    server = PageServer(paths.web_pages())
    yield server
    server.close()


def used(word: str, browser: str, server: PageServer) -> ScenarioResult:
    scenario = scenario_of(word)
    (host,) = targets.select("host")
    with targets.open_target(host) as target, measuring.opened(target, scenario, browser, server) as page:
        return measuring.measure(page, scenario, 0.5)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("version", "browser"), [("2.1", "chrome"), ("3.1", "chrome"), ("4.0.0-alpha", "chrome"), ("3.1", "firefox")]
)
def test_whole_runs_in_a_browser(version: str, browser: str, server: PageServer, tmp_path: Path) -> None:
    found = used(f"speedometer:{made(tmp_path, version)}", browser, server)
    assert not isinstance(found.runs, Void)
    assert not isinstance(found.benchmark, Void)
    assert (found.benchmark.version, found.benchmark.revision) == (version, COMMIT)
    assert len(found.runs) == len(found.benchmark.scores) >= 1
    old = version == "2.1"
    assert set(found.benchmark.scores) == ({120} if old else {7.5})
    assert found.benchmark.unit == ("runs/min" if old else "points")
    assert all(one.busy_ms >= 15 for one in found.runs)
    assert isinstance(found.files, SentFiles)
    assert found.files.count == 2


@pytest.mark.browser
def test_the_digest_is_of_the_files_that_were_sent(server: PageServer, tmp_path: Path) -> None:
    folder = made(tmp_path, "3.1")
    first = used(f"speedometer:{folder}", "chrome", server).files
    assert used(f"speedometer:{folder}", "chrome", server).files == first
    with (folder / "resources" / "main.mjs").open("a") as script:
        script.write("// changed")
    assert used(f"speedometer:{folder}", "chrome", server).files != first


@pytest.mark.browser
def test_a_suite_that_fails(server: PageServer, tmp_path: Path) -> None:
    folder = made(tmp_path, "3.1", fails=True)
    with pytest.raises(ScenarioFailed, match="no such element") as failed:
        used(f"speedometer:{folder}", "chrome", server)
    assert failed.value.outcome == "page error"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as answers:
        threading.Thread(target=answers.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{answers.server_address[1]}/"
        answers.shutdown()


@pytest.mark.browser
def test_an_address(site: str, server: PageServer, tmp_path: Path) -> None:
    made(tmp_path, "4.0.0-alpha")
    found = used(f"speedometer:{site}", "chrome", server)
    assert not isinstance(found.benchmark, Void)
    assert found.benchmark.version == "4"
    assert isinstance(found.benchmark.revision, Void)
    assert isinstance(found.files, Void)


@pytest.mark.browser
def test_an_address_with_another_page(site: str, server: PageServer, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title>A shop</title>")
    with pytest.raises(ScenarioFailed, match="A shop") as failed:
        used(f"speedometer:{site}", "chrome", server)
    assert failed.value.outcome == "no benchmark"
