from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobilebench.cli import app
from mobilebench.core.errors import ExitCode, TargetLost
from mobilebench.models import registry
from mobilebench.models.build.cache import folder_of
from tests.pinning import Pinned

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = runner.invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["devices"],
        ["run"],
        ["report"],
        ["results"],
        ["describe"],
        ["models"],
        ["models", "list"],
        ["models", "build"],
        ["virtual"],
        ["virtual", "up"],
        ["virtual", "list"],
        ["virtual", "down"],
    ],
    ids=" ".join,
)
def test_help_of_every_command(command: list[str]) -> None:
    code, out, _ = invoke(*command, "--help")
    assert code == 0
    assert "Usage" in out


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


@pytest.mark.parametrize("topic", ["engines", "backends", "recorders", "suites"])
@pytest.mark.slow
def test_describe_comes_from_the_registries(topic: str) -> None:
    code, out, err = invoke("describe", topic, "--json")
    assert code == 0, err
    described = json.loads(out)
    assert len(described) >= 2
    code, out, err = invoke("describe", topic)
    assert code == 0, err
    assert all(next(iter(one.values())) in out for one in described)


def test_describe_suites_states_what_each_measures() -> None:
    described = {one["suite"]: one for one in json.loads(invoke("describe", "suites", "--json")[1])}
    assert described["quick"]["blocks"] == 2
    assert described["quick"]["models"] == ["mobilenet_v2", "bert_small"]
    assert len(described["paper"]["models"]) == 9
    assert described["paper"]["threads"] == [4]
    assert described["paper"]["blocks"] >= 5


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--suite", "quik"], ["quik", "quick"]),
        (["--model", "mobilenet"], ["mobilenet", "mobilenet_v2"]),
        (["--engine", "tflight"], ["tflight", "tflite"]),
        (["--backend", "cup"], ["cup", "cpu"]),
        (["--wasm-build", "simmd"], ["simmd", "simd"]),
        (["--setting", "simmd"], ["simmd", "simd"]),
        (["--suite", "missing/suite.yaml"], ["missing/suite.yaml"]),
    ],
)
def test_unknown_name_is_bad_input_with_a_next_step(arguments: list[str], names: list[str]) -> None:
    code, _, err = invoke("run", "--serial", "host", "--dry-run", *arguments)
    assert code == ExitCode.BAD_INPUT
    for name in names:
        assert name in err
    assert "Traceback" not in err


def test_malformed_suite_names_line_and_key(tmp_path: Path) -> None:
    suite = tmp_path / "mine.yaml"
    suite.write_text("title: Mine\ndescription: Mine.\nmodles: [mobilenet_v2]\n")
    code, _, err = invoke("run", "--serial", "host", "--suite", str(suite), "--dry-run")
    assert code == ExitCode.BAD_INPUT
    assert "mine.yaml" in err
    assert "line 3" in err
    assert "modles" in err


def test_selection_without_cases_is_nothing_to_measure() -> None:
    code, _, err = invoke("run", "--serial", "host", "--engine", "tflite", "--backend", "webgl", "--dry-run")
    assert code == ExitCode.NOTHING_TO_MEASURE
    assert err


@pytest.mark.slow
def test_models_list_tells_what_is_built_and_what_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def states(precision: str = "fp32") -> dict[str, str]:
        listed = json.loads(invoke("models", "list", "--json")[1])
        return {one["name"]: one["precisions"][precision]["state"] for one in listed}

    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(registry.MODELS, "vgg16", replace(registry.get("vgg16"), definition=None))
    assert states()["bert_small"] == "not built"
    assert states()["vgg16"].startswith("unsupported")
    folder_of("bert_small", "fp32", 1).mkdir(parents=True)
    assert states()["bert_small"].startswith("damaged")
    assert states("int8")["bert_small"] == "not built"
    assert "damaged" in invoke("models", "list")[1]


def test_models_list_tells_what_a_model_takes_and_gives() -> None:
    listed = {one["name"]: one for one in json.loads(invoke("models", "list", "--json")[1])}
    assert listed["cnn_9x200"]["inputs"] == [
        {"name": "image", "dtype": "float32", "shape": [1, 28, 28, 1], "layout": "NHWC"}
    ]
    assert listed["cnn_9x200"]["options"] == {"depth": 9, "width": 200}
    detector = listed["yolov5m"]
    assert detector["outputs"] == ["raw_predictions"]
    assert (detector["preprocessing"], detector["postprocessing"]) == ("image_to_unit", "yolov5_boxes")
    assert listed["bert_base"]["postprocessing"] is None


def test_results_without_a_store_is_bad_input(pinned: Pinned) -> None:
    code, _, err = invoke("results", "last")
    assert code == ExitCode.BAD_INPUT
    pinned(err)


def test_dry_run_prints_plan_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = invoke("run", "--serial", "host", "--dry-run", "--json")
    assert code == 0, err
    plan = json.loads(out)
    assert plan["estimated_seconds"] > 0
    assert {block["case"]["target"] for block in plan["blocks"]} == {"host"}
    assert {block["round"] for block in plan["blocks"]} == {0, 1}


def test_dry_run_shows_passes_cores_and_what_will_not_run() -> None:
    asked = ["--engine", "tflite", "--backend", "cpu", "--delegate", "xnnpack", "--model", "bert_small"]
    asked += ["--pass", "timing,kernels", "--affinity", "0x1", "--priority", "5"]
    code, out, err = invoke("run", "--serial", "host", "--dry-run", *asked)
    assert code == 0, err
    header, row = (line.split() for line in out.splitlines() if "affinity" in line or "tflite" in line)
    told = dict(zip(header, row, strict=True))
    assert (told["affinity"], told["priority"], told["blocks"], told["kernels"]) == ("0x1", "5", "2", "1")

    code, out, err = invoke("run", "--serial", "host", "--dry-run", "--engine", "tfjs", "--affinity", "big")
    assert code == 0, err
    assert "will be unsupported: " in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--pass", "kernel"], "known are timing, kernels, memory"),
        (["--affinity", "bigg"], "big, little, prime"),
        (["--caches", "hot"], "caches should be as found, cold or warm"),
        (["--link", "5g"], "a link should be none, slow-3g, 3g,"),
        (["--loader", "lazy"], "a loader should be split or as-shipped"),
        (["--encoding", "zip"], "an encoding should be identity, gzip or br"),
    ],
)
def test_unknown_pass_cores_and_caches(arguments: list[str], says: str) -> None:
    code, _, err = invoke("run", "--serial", "host", "--dry-run", *arguments)
    assert code == ExitCode.BAD_INPUT
    assert says in " ".join(err.split())


def test_same_seed_same_order() -> None:
    first = invoke("run", "--serial", "host", "--dry-run", "--json", "--seed", "7")[1]
    again = invoke("run", "--serial", "host", "--dry-run", "--json", "--seed", "7")[1]
    other = invoke("run", "--serial", "host", "--dry-run", "--json", "--seed", "8")[1]
    assert json.loads(first)["blocks"] == json.loads(again)["blocks"]
    assert json.loads(first)["blocks"] != json.loads(other)["blocks"]


def test_error_shows_traceback_only_with_debug(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    def lose() -> None:
        raise TargetLost("phone X went away.", hint="Plug it in again.")

    monkeypatch.setattr("mobilebench.targets.discover", lose)
    code, _, err = invoke("devices")
    assert code == ExitCode.CASES_FAILED
    pinned(err)
    assert "Traceback" not in err
    assert isinstance(runner.invoke(app, ["--debug", "devices"]).exception, TargetLost)


def test_a_defect_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down() -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("mobilebench.targets.discover", break_down)
    code, _, err = invoke("devices")
    assert code == ExitCode.INTERNAL
    assert "ZeroDivisionError" in err
    assert "--debug" in err


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
