"""The examples for systemd, GitHub and GitLab are what these accept, and name what `nightly` really writes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mobilebench.core.errors import ExitCode
from mobilebench.nights import metrics
from mobilebench.nights.config import load
from mobilebench.targets import rack
from tests.nights.test_reports import full_night

FOLDER = Path(__file__).parents[2] / "examples" / "nightly"
FILES = sorted(FOLDER.iterdir())
UNITS = [FOLDER / f"mobilebench-nightly.{kind}" for kind in ("service", "timer")]


@pytest.mark.parametrize(
    ("name", "schema"), [("github-actions.yml", "vendor.github-workflows"), ("gitlab-ci.yml", "vendor.gitlab-ci")]
)
@pytest.mark.slow
def test_the_servers_schemas_accept_the_workflows(name: str, schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(FOLDER / name)]
    if schema == "vendor.gitlab-ci":
        command[3:3] = ["--data-transform", "gitlab-ci"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        shutil.copy(unit, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "mobilebench" in line]
    assert ours == []
    assert done.returncode == 0, done.stderr


def test_systemd_takes_the_exit_codes_of_a_night_as_success() -> None:
    (codes,) = re.findall(r"^SuccessExitStatus=(.*)$", UNITS[0].read_text(), re.MULTILINE)
    assert [int(code) for code in codes.split()] == [ExitCode.WORSE, ExitCode.PHONES_SKIPPED, ExitCode.INCOMPLETE]


def test_the_configuration_and_its_rack_file_are_valid() -> None:
    loaded, _ = load(FOLDER / "night.yaml")
    assert loaded.rack is not None
    assert len(rack.load(Path(loaded.rack)).phones) == 2


def test_the_alerts_are_about_metrics_that_exist() -> None:
    rules: Any = yaml.safe_load((FOLDER / "prometheus-alerts.yml").read_text())
    known = {one.name for one in metrics.registry(full_night()).collect()}
    used = {
        name
        for group in rules["groups"]
        for rule in group["rules"]
        for name in re.findall(r"mobilebench_night_\w+", rule["expr"])
    }
    assert len(used) == 4
    assert used <= known


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_scripts_of_the_workflows_end_as_the_night_did(name: str, tmp_path: Path) -> None:
    """The script of each, run by bash with a `mobilebench` that writes a night and ends with a code."""
    workflow: Any = yaml.safe_load((FOLDER / name).read_text())
    if name == "gitlab-ci.yml":
        script, expected = "\n".join(workflow["night"]["script"]), {0: 0, 6: 6, 7: 7, 8: 8}
        assert workflow["night"]["allow_failure"] == {"exit_codes": [int(ExitCode.PHONES_SKIPPED)]}
    else:
        (step,) = [one for one in workflow["jobs"]["night"]["steps"] if one.get("id") == "night"]
        script, expected = step["run"], {0: 0, 6: 6, 7: 0, 8: 8}
    program = tmp_path / "bin" / "mobilebench"
    program.parent.mkdir()
    night = tmp_path / "results" / "nights" / "lab" / "20261130-010203-abcd"
    program.write_text(
        "#!/bin/sh\n"
        f'mkdir -p "{night}"\n'
        f'for one in night.md night.json junit.xml night.prom; do echo "it is $one" > "{night}/$one"; done\n'
        f'echo "$@" > "{tmp_path}/typed"\n'
        'exit "$CODE"\n'
    )
    program.chmod(0o755)
    for code, ended in expected.items():
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={
                "PATH": f"{program.parent}:/usr/bin:/bin",
                "CODE": str(code),
                "MOBILEBENCH_RESULTS": str(tmp_path / "results"),
                "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
                "GITHUB_OUTPUT": str(tmp_path / "output"),
            },
        )
        assert done.returncode == ended, done.stderr
    typed = (tmp_path / "typed").read_text().split()
    assert typed == ["nightly", "examples/nightly/night.yaml", "--out", str(tmp_path / "results")]
    if name == "gitlab-ci.yml":
        assert (tmp_path / "night" / "junit.xml").read_text() == "it is junit.xml\n"
    else:
        assert (tmp_path / "summary.md").read_text() == "it is night.md\n" * 4
        assert (tmp_path / "output").read_text() == f"folder={night}\n" * 4


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_example_has_a_secret_or_a_path_of_a_machine(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"(?<![\w%~.])/(home|root|work|Users)/", text)
    for line in text.splitlines():
        assert not re.search(r"https?://(?!\S*example)", line), line
