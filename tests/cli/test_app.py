"""The program as a whole: help, errors with their exit codes, dry runs and completion."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from mobilebench.cli import app
from mobilebench.core.errors import ExitCode, TargetLost
from mobilebench.models import registry
from mobilebench.models.build.cache import folder_of
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def commands(command: Any, name: str = "") -> Iterator[str]:
    """Every command of the program and of its groups, as it is typed."""
    yield name
    for part in getattr(command, "commands", ()):
        yield from commands(command.commands[part], f"{name} {part}".strip())


@pytest.mark.slow
def test_help_of_every_command() -> None:
    typed = list(commands(get_command(app)))
    assert {"", "run", "models", "models build", "virtual up"} <= set(typed)
    for command in typed:
        code, out, err = mobilebench(f"{command} --help")
        assert (code, err) == (0, ""), command
        assert f"Usage: mobilebench {command}".strip() in out, command


@pytest.mark.slow
def test_help_imports_nothing_heavy() -> None:
    heavy = ["numpy", "pandas", "pydantic", "sqlalchemy", "tensorflow", "adbutils", "aiohttp", "yaml", "onnxruntime"]
    code = (
        "import sys, mobilebench.cli\n"
        "try: mobilebench.cli.app(['--help'])\n"
        "except SystemExit: pass\n"
        f"sys.exit(', '.join(m for m in {heavy} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "topic", ["engines", "backends", "recorders", "suites", "axes", "verdicts", "columns", "references"]
)
@pytest.mark.slow
def test_describe_comes_from_the_registries(topic: str) -> None:
    code, out, err = mobilebench(f"describe {topic} --json")
    assert code == 0, err
    described = json.loads(out)
    assert len(described) >= 2
    code, out, err = mobilebench(f"describe {topic}")
    assert code == 0, err
    assert all(next(iter(one.values())) in out for one in described)


@pytest.mark.slow
def test_describe_suites_states_what_each_measures() -> None:
    described = {one["suite"]: one for one in json.loads(mobilebench("describe suites --json").out)}
    assert described["quick"]["blocks"] == 3
    assert described["quick"]["models"] == ["mobilenet_v2", "bert_small"]
    assert len(described["paper"]["models"]) == 9
    assert described["paper"]["threads"] == [4]
    assert described["paper"]["blocks"] >= 5


@pytest.mark.parametrize(
    ("option", "wrong", "suggestion"),
    [
        ("--suite", "quik", "quick"),
        ("--model", "mobilenet", "mobilenet_v2"),
        ("--engine", "tflight", "tflite"),
        ("--backend", "cup", "cpu"),
        ("--wasm-build", "simmd", "simd"),
        ("--setting", "simmd", "simd"),
        ("--pass", "kernel", "kernels"),
        ("--affinity", "bigg", "big"),
        ("--caches", "hot", "warm"),
        ("--link", "5g", "4g"),
        ("--loader", "lazy", "as-shipped"),
        ("--encoding", "zip", "gzip"),
    ],
)
def test_an_unknown_name_is_bad_input_and_known_ones_are_listed(option: str, wrong: str, suggestion: str) -> None:
    code, out, err = mobilebench(f"run --serial host --dry-run {option} {wrong}")
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert wrong in err
    assert suggestion in err
    assert "Traceback" not in err


def test_malformed_suite_names_line_and_key(tmp_path: Path, pinned: Pinned) -> None:
    suite = tmp_path / "mine.yaml"
    suite.write_text("title: Mine\ndescription: Mine.\nmodles: [mobilenet_v2]\n")
    code, _, err = mobilebench(f"run --serial host --suite {suite} --dry-run")
    assert code == ExitCode.BAD_INPUT
    pinned(err)


def test_selection_without_cases_is_nothing_to_measure(pinned: Pinned) -> None:
    code, _, err = mobilebench("run --serial host --engine tflite --backend webgl --dry-run")
    assert code == ExitCode.NOTHING_TO_MEASURE
    pinned(err)


@pytest.mark.slow
def test_models_list_tells_what_is_built_and_what_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def states(precision: str = "fp32") -> dict[str, str]:
        listed = json.loads(mobilebench("models list --json").out)
        return {one["name"]: one["precisions"][precision]["state"] for one in listed}

    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(registry.MODELS, "vgg16", replace(registry.get("vgg16"), definition=None))
    assert states()["bert_small"] == "not built"
    assert states()["vgg16"].startswith("unsupported")
    folder_of("bert_small", "fp32", 1).mkdir(parents=True)
    assert states()["bert_small"].startswith("damaged")
    assert states("int8")["bert_small"] == "not built"
    assert "damaged" in mobilebench("models list").out


@pytest.mark.slow
def test_models_list_tells_what_a_model_takes_and_gives() -> None:
    listed = {one["name"]: one for one in json.loads(mobilebench("models list --json").out)}
    assert listed["cnn_9x200"]["inputs"] == [
        {"name": "image", "dtype": "float32", "shape": [1, 28, 28, 1], "layout": "NHWC"}
    ]
    assert listed["cnn_9x200"]["options"] == {"depth": 9, "width": 200}
    detector = listed["yolov5m"]
    assert detector["outputs"] == ["raw_predictions"]
    assert (detector["preprocessing"], detector["postprocessing"]) == ("image_to_unit", "yolov5_boxes")
    assert listed["bert_base"]["postprocessing"] is None


def test_results_without_a_store_is_bad_input(pinned: Pinned) -> None:
    code, _, err = mobilebench("results last")
    assert code == ExitCode.BAD_INPUT
    pinned(err)


def test_dry_run_prints_plan_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = mobilebench("run --serial host --dry-run --json")
    assert code == 0, err
    plan = json.loads(out)
    assert plan["estimated_seconds"] > 0
    assert {block["case"]["target"] for block in plan["blocks"]} == {"host"}
    assert {block["round"] for block in plan["blocks"]} == {0, 1, 2}
    assert (plan["within"], plan["budget_seconds"]) == (None, None)


@pytest.mark.parametrize(
    ("options", "within", "budget"), [("--effort normal", 0.05, 1200), ("--within 2% --budget 1s", 0.02, 1)]
)
def test_dry_run_says_when_further_rounds_end(options: str, within: float, budget: float, pinned: Pinned) -> None:
    chosen = f"run --serial host --engine tflite --model bert_small {options} --dry-run"
    plan = json.loads(mobilebench(f"{chosen} --json").out)
    assert (plan["within"], plan["budget_seconds"]) == (within, budget)
    pinned(mobilebench(chosen).out.splitlines()[-1])


def test_dry_run_shows_passes_cores_and_what_will_not_run() -> None:
    selection = "--engine tflite --backend cpu --delegate xnnpack --model bert_small"
    code, out, err = mobilebench(
        f"run --serial host --dry-run {selection} --pass timing,kernels --affinity 0x1 --priority 5"
    )
    assert code == 0, err
    header, row = (line.split() for line in out.splitlines() if "affinity" in line or "tflite" in line)
    case = dict(zip(header, row, strict=True))
    assert (case["affinity"], case["priority"], case["blocks"], case["kernels"]) == ("0x1", "5", "3", "1")

    code, out, err = mobilebench("run --serial host --dry-run --engine tfjs --affinity big")
    assert code == 0, err
    assert "will be unsupported: " in out


def test_same_seed_same_order() -> None:
    first = mobilebench("run --serial host --dry-run --json --seed 7").out
    again = mobilebench("run --serial host --dry-run --json --seed 7").out
    other = mobilebench("run --serial host --dry-run --json --seed 8").out
    assert json.loads(first)["blocks"] == json.loads(again)["blocks"]
    assert json.loads(first)["blocks"] != json.loads(other)["blocks"]


def test_error_shows_traceback_only_with_debug(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    def lose() -> None:
        raise TargetLost("phone X went away.", hint="Plug it in again.")

    monkeypatch.setattr("mobilebench.targets.discover", lose)
    code, _, err = mobilebench("devices")
    assert code == ExitCode.CASES_FAILED
    pinned(err)
    assert "Traceback" not in err
    assert isinstance(CliRunner().invoke(app, ["--debug", "devices"]).exception, TargetLost)


def test_a_defect_is_called_one(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    def break_down() -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("mobilebench.targets.discover", break_down)
    code, _, err = mobilebench("devices")
    assert code == ExitCode.INTERNAL
    pinned(err)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mobilebench"],
        env={"_MOBILEBENCH_COMPLETE": f"source_{shell}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "mobilebench" in done.stdout
    assert done.returncode == 0


@pytest.mark.slow
def test_completion_offers_suites() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mobilebench"],
        env={
            "_MOBILEBENCH_COMPLETE": "complete_bash",
            "COMP_WORDS": "mobilebench run --suite qu",
            "COMP_CWORD": "3",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["quick"]
