"""`mobilebench nightly`, as it is typed: plans, mistakes, phones that are unfit, and nights that are accepted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from mobilebench.cli import nightly
from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.nights import past
from mobilebench.nights.conduct import Ended
from mobilebench.results.store import Store
from tests.analysis.runs import ORT, TFLITE, add, run_of, times
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned

pytestmark = pytest.mark.usefixtures("attached")


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration of suite `quick` on this computer, with these keys changed."""

    def write(**fields: object) -> Path:
        made = {"name": "lab", "phones": "host", "suites": [{"suite": "quick"}], **fields}
        (tmp_path / "night.yaml").write_text(yaml.safe_dump(made))
        return tmp_path / "night.yaml"

    return write


@pytest.fixture
def levels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float]:
    """`run` stores a run of two cases at the next of these levels instead of measuring."""
    found: list[float] = []
    numbers = iter(range(1, 1000))

    def run(self: object, typed: Sequence[str], seconds: float | None, begun: Callable[[str], None]) -> Ended:
        run = run_of(next(numbers), {TFLITE: times(), ORT: times(found.pop(0))})
        with Store.open(tmp_path / "out") as store:
            add(store, run)
        begun(run.info.id)
        return Ended(ExitCode.OK)

    monkeypatch.setattr(nightly._Run, "__call__", run)
    return found


@pytest.mark.slow
def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    written = mobilebench(f"nightly {tmp_path}/night.yaml --example")
    assert (written.code, (tmp_path / "night.yaml").read_text()) == (0, mobilebench("nightly --example").out)
    for where in ("night.yaml", "none/night.yaml"):
        assert mobilebench(f"nightly {tmp_path}/{where} --example").code == ExitCode.BAD_INPUT
    code, out, err = mobilebench(f"nightly {tmp_path}/night.yaml --dry-run")
    assert (code, err) == (ExitCode.OK, "")
    assert "the budget is 360 min 00 s: enough." in out


def test_a_plan_names_targets_suites_and_time(config: Callable[..., Path], attached: dict[str, str]) -> None:
    attached["R58M"] = "offline"
    path = config(phones="host,R58M,R99X", budget="1s", ab=[LIBRARIES])
    code, out, _ = mobilebench(f"nightly {path} --dry-run --json")
    found = json.loads(out)
    assert code == ExitCode.OK
    targets = {one["id"]: one["outcome"] for one in found["targets"]}
    assert targets == {"host": "ready", "R58M": "away", "R99X": "away"}
    assert [one["name"] for one in found["suites"]] == ["quick", "two"]
    assert all(one["blocks"] > 0 for one in found["suites"])
    assert "not enough; what is then left is not measured" in mobilebench(f"nightly {path} --dry-run").out


LIBRARIES = {
    "name": "two",
    "suite": "quick",
    "rounds": 3,
    "options": {"model": "mobilenet_v2"},
    "engine": {"before": "ortjs@1.14", "after": "ortjs"},
}


@pytest.mark.parametrize(
    "fields",
    [
        {"suites": [{"suite": "quik"}]},
        {"suites": [{"suite": "quick", "options": {"efort": "quick"}}]},
        {"suites": [{"suite": "quick", "options": {"effort": "wild"}}]},
        {"suites": [{"suite": "quick", "options": {"serial": "host"}}]},
        {"suites": [{"suite": "quick", "options": {"blocks": 0}}]},
        {"suites": [{"suite": "quick", "options": {"model": "no_such_model"}}]},
    ],
)
def test_a_mistake_is_named_with_its_place(
    config: Callable[..., Path], fields: dict[str, object], pinned: Pinned
) -> None:
    code, out, err = mobilebench(f"nightly {config(**fields)} --dry-run")
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    pinned(err.split("known are")[0])


def test_without_a_configuration_the_way_to_one_is_said(pinned: Pinned, tmp_path: Path) -> None:
    code, _, err = mobilebench("nightly")
    assert code == ExitCode.BAD_INPUT
    pinned(err)
    assert mobilebench(f"nightly {tmp_path}/none.yaml").code == ExitCode.BAD_INPUT


@pytest.mark.slow
def test_nights_from_the_first_to_one_that_is_accepted(
    config: Callable[..., Path], levels: list[float], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    line = f"nightly {config(tell=[{'file': 'told.md', 'format': 'markdown'}])} --out {out}"
    levels += [1, 1, 1.4, 1.4, 1.4]
    codes = [mobilebench(line).code for _ in range(4)]
    assert codes == [ExitCode.OK, ExitCode.OK, ExitCode.WORSE, ExitCode.WORSE]
    assert "## What got worse" in (tmp_path / "told.md").read_text()
    assert mobilebench(f"{line} --accept last").code == ExitCode.BAD_INPUT
    ended = mobilebench(f'{line} --accept last --reason "new  model"')
    assert (ended.code, ended.out.endswith("is a baseline for later nights: new model\n")) == (0, True)
    code, printed, _ = mobilebench(f"{line} --json")
    assert (code, json.loads(printed)["outcome"]) == (ExitCode.OK, "good")
    folder = Path(json.loads(printed)["folder"])
    assert {one.name for one in folder.iterdir()} == {"night.json", "night.md", "junit.xml", "night.prom"}
    assert len(past.nights(out, "lab")) == 5
    assert mobilebench(f"{line} --resume").code == ExitCode.BAD_INPUT


def test_a_phone_that_the_doctor_finds_blocked_is_skipped_and_reported(
    config: Callable[..., Path],
    attached: dict[str, str],
    answers: dict[str, str],
    levels: list[float],
    tmp_path: Path,
) -> None:
    attached["R58M"] = "device"
    answers["storage"] = "/dev/dm-5 1000 100 4000 18% /data"
    levels += [1]
    code, out, err = mobilebench(f"nightly {config(phones='host,R58M')} --out {tmp_path}/out")
    assert code == ExitCode.PHONES_SKIPPED
    assert "R58M is skipped: blocked (storage: " in err
    assert "Skipped: " in out and "R58M" in out
    (night,) = past.nights(tmp_path / "out", "lab")
    assert [(one.id, one.outcome) for one in night.phones] == [("host", "ready"), ("R58M", "blocked")]


def test_a_phone_in_quarantine_is_skipped(
    config: Callable[..., Path],
    attached: dict[str, str],
    answers: dict[str, str],
    levels: list[float],
    tmp_path: Path,
) -> None:
    attached["R58M"] = "device"
    out = tmp_path / "out"
    assert mobilebench(f'quarantine add R58M --for 2h --reason "its cable is loose" --out {out}').code == 0
    levels += [1]
    assert mobilebench(f"nightly {config(phones='host,R58M')} --out {out}").code == ExitCode.PHONES_SKIPPED
    (night,) = past.nights(out, "lab")
    assert [(one.outcome, "its cable is loose" in (one.words or "")) for one in night.skipped] == [
        ("quarantined", True)
    ]


def test_a_defect_of_a_run_ends_that_suite_only(monkeypatch: pytest.MonkeyPatch) -> None:
    run = nightly._Run()
    for raised, code in (
        (ZeroDivisionError("oh"), ExitCode.INTERNAL),
        (BadInput("No.", hint="Try."), ExitCode.BAD_INPUT),
    ):

        def fail(self: object, typed: Sequence[str], error: Exception = raised) -> int:
            raise error

        monkeypatch.setattr(nightly._Run, "_invoke", fail)
        ended = run(["--suite", "quick"], None, lambda _: None)
        assert ended.exit_code == code
        assert ended.problem and ended.stopped is None


def test_arguments_that_run_does_not_know_are_bad_input() -> None:
    ended = nightly._Run()(["--nope"], None, lambda _: None)
    assert (ended.exit_code, "--nope" in (ended.problem or "")) == (ExitCode.BAD_INPUT, True)
