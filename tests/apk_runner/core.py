"""The app's core on this computer's Java virtual machine, as tests run it."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from apk_runner import archives
from apk_runner.core.build import build
from mobilebench.core import paths
from mobilebench.core.records import Measurement
from mobilebench.engines import libraries
from tests.conftest import HOMES

MAIN = "org.mobilebench.core.Main"
OPTIONS = ("-XX:-UsePerfData", "-Xshare:auto")


@cache
def jars() -> tuple[Path, ...]:
    """The core of the sources as they are now, and the JSON classes beside it."""
    return tuple(build(HOMES / "app-core"))


def library_folder() -> Path:
    """The folder with the runner's library for this computer."""
    folder = paths.runner(libraries.host_build()).parent
    assert (folder / "libmobilebench-runner.so").is_file(), "run `make native` first"
    return folder


def job(folder: Path, arguments: list[str], **changes: Any) -> Path:
    """A job in a file."""
    fields = {"schema": "mobilebench.job/1", "id": "0af3", "runner": "native", "context": "app-service"}
    path = folder / "job.json"
    path.write_text(json.dumps({**fields, "arguments": arguments, **changes}))
    return path


def command(given: Path, answer: Path, *, ort: bool = False, natives: Path | None = None) -> list[str]:
    """The command line that runs a job."""
    classpath = [*jars(), *(archives.obtain("onnxruntime") if ort else [])]
    folder = natives or library_folder()
    java = ["java", *OPTIONS, f"-Djava.library.path={folder}", f"-Djava.io.tmpdir={answer.parent}"]
    return [*java, "-cp", ":".join(map(str, classpath)), MAIN, str(given), str(answer)]


def run(
    folder: Path, arguments: list[str], *, ort: bool = False, natives: Path | None = None, **changes: Any
) -> tuple[int, Measurement, subprocess.CompletedProcess[str]]:
    """Exit code and answer of a job, which is whole or the test fails."""
    answer = folder / "answer.json"
    done = subprocess.run(
        command(job(folder, arguments, **changes), answer, ort=ort, natives=natives),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"},
    )
    assert answer.is_file(), (done.returncode, done.stdout, done.stderr)
    text = answer.read_text()
    assert text.endswith("}\n")
    return done.returncode, Measurement.model_validate_json(text), done
