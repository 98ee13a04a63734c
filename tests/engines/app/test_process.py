"""What becomes of the answers of mobilebench's app, which a script gives in place of a phone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mobilebench.core import paths
from mobilebench.core.errors import BlockFailed, MobilebenchError, Unsupported
from mobilebench.core.records import Case, TargetInfo
from mobilebench.engines.app import why_not
from mobilebench.engines.app.process import AppProcess
from mobilebench.engines.runner_process import Loaded, Ran
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.targets.base import Pushed, ShellResult, TargetPath
from tests.verdicts.test_app import PHONE

APK = Pushed(TargetPath("/data/local/tmp/mobilebench.apk"), "a" * 64, True, 0.0)
DONE = b"INSTRUMENTATION_RESULT: exit=0\nINSTRUMENTATION_CODE: -1\n"
ANSWER = b'{"status": "ok"}'
NOW = "2026-11-30 12:00:00"


class Silent(DeviceShell):
    """A shell that answers one text to every question."""

    def __init__(self, answer: str = "") -> None:
        super().__init__("R5")
        self.answer = answer

    def script(self, text: str, *, timeout: float = 30) -> ShellResult:
        return ShellResult(self.answer.encode(), b"", 0)


class ScriptedApp:
    """The part of `OwnApp` that a block uses."""

    serial = "R5"

    def __init__(
        self,
        printed: bytes | MobilebenchError = DONE,
        answer: bytes | None = ANSWER,
        proof: dict[str, Any] | bytes | None = None,
        shell: str = "",
    ) -> None:
        self.printed, self.answer, self.proof, self.shell = printed, answer, proof, Silent(shell)
        self.jobs: list[dict[str, Any]] = []
        self.arguments: dict[str, str] = {}
        self.stopped = self.forgotten = 0

    @contextmanager
    def job(self, job: str, text: str) -> Iterator[None]:
        self.jobs.append(json.loads(text))
        assert self.jobs[-1]["id"] == job
        yield

    def instrument(
        self,
        name: str,
        arguments: Mapping[str, str],
        *,
        timeout: float,
        cancel: Event | None,
    ) -> ShellResult:
        self.arguments = dict(arguments)
        if isinstance(self.printed, MobilebenchError):
            raise self.printed
        return ShellResult(self.printed, b"", 0)

    def read(self, job: str, name: str, most: int) -> bytes | None:
        if name == "answer.json":
            return self.answer
        content = self.proof
        if isinstance(content, dict):
            content = json.dumps(
                {"schema": "mobilebench.app/1", "job": job, "context": "app-service", **content}
            ).encode()
        return content if content is None else content[: most + 1]

    def stop(self) -> None:
        self.stopped += 1

    def forget(self) -> None:
        self.forgotten += 1


def ran(app: ScriptedApp, context: str = "app-service") -> Ran:
    process = AppProcess(context, Loaded(Path("mobilebench.apk"), APK), app, lambda *_, **__: APK)  # type: ignore[arg-type]
    return process.run(["--engine", "tflite"], timeout=1, cancel=Event())


def failed(app: ScriptedApp, context: str = "app-service") -> BlockFailed:
    with pytest.raises(BlockFailed) as found:
        ran(app, context)
    assert "R5" in found.value.message
    return found.value


def test_the_job_has_the_arguments_of_the_runner_and_the_answer_is_the_runners() -> None:
    app = ScriptedApp(proof={"visible": True, "process_state": 4, "oom_score_adj": 0, "sdk": 34})
    found = ran(app)
    (job,) = app.jobs
    assert job == {
        "schema": "mobilebench.job/1",
        "id": job["id"],
        "runner": "native",
        "context": "app-service",
        "arguments": ["--engine", "tflite"],
    }
    assert app.arguments == {"job": job["id"], "context": "app-service"}
    assert found.result == ShellResult(ANSWER + b"\n", b"", 0)
    assert found.app is not None
    assert (found.app.process_state, found.app.oom_score_adj, found.app.apk_sha256) == ("4", 0, "a" * 64)
    assert app.stopped == 0, "it has ended by itself"


def test_an_app_that_wrote_no_proof_has_none() -> None:
    assert ran(ScriptedApp()).app is None


@pytest.mark.parametrize(
    "proof",
    [
        b"",
        b"[]",
        b"{" * 100_000,
        {"job": "another"},
        {"context": "app"},
        {"schema": "mobilebench.app/2"},
        {"oom_score_adj": 5000},
        {"importance": "high"},
        {"cpuset": "x" * 1000},
    ],
)
def test_a_proof_that_is_not_valid_fails_the_block(proof: Any) -> None:
    assert failed(ScriptedApp(proof=proof)).fault == "bad answer"


def test_unknown_facts_of_a_newer_app_are_ignored() -> None:
    assert ran(ScriptedApp(proof={"battery": 5})).app is not None


def test_what_the_app_says_of_a_job_that_it_did_not_run_is_told() -> None:
    said = b"INSTRUMENTATION_RESULT: error=The foreground service did not start within 10 s.\n" + DONE
    failure = failed(ScriptedApp(printed=said, answer=None))
    assert "left no answer: The foreground service did not start within 10 s." in failure.message


def test_an_end_without_an_answer_fails_the_block() -> None:
    assert failed(ScriptedApp(answer=None)).fault == "bad answer"


def exited(reason: int, process: str = "org.mobilebench.app") -> str:
    return (
        f"{NOW}\nACTIVITY MANAGER PROCESS EXIT INFO\n  ApplicationExitInfo #0:\n    timestamp={NOW} pid=1 "
        f"process={process} reason={reason} (WHY)\n"
    )


@pytest.mark.parametrize(
    ("reason", "fault", "words"),
    [
        (3, "killed for memory", "memory"),
        (4, "crash", "Java"),
        (5, "crash", "native code"),
        (6, "hang", "did not respond"),
        (10, "crash", "its user or a tool"),
        (16, "app updated", "updated"),
    ],
)
def test_android_says_why_the_app_ended(reason: int, fault: str, words: str) -> None:
    crashed = b"INSTRUMENTATION_STATUS: stage=warmup\nINSTRUMENTATION_RESULT: shortMsg=Process crashed.\n"
    app = ScriptedApp(crashed + b"INSTRUMENTATION_CODE: 0\n", shell=exited(reason))
    found = failed(app)
    assert found.fault == fault
    assert words in found.message
    assert app.stopped == 1


def test_the_end_of_another_process_says_nothing_of_the_app() -> None:
    crashed = b"INSTRUMENTATION_RESULT: shortMsg=Process crashed.\nINSTRUMENTATION_CODE: 0\n"
    found = failed(ScriptedApp(crashed, shell=exited(3, "com.android.chrome")))
    assert found.fault == "crash"
    assert "Process crashed" in found.message


def test_an_app_that_was_removed_meanwhile_is_installed_again() -> None:
    app = ScriptedApp(b"INSTRUMENTATION_STATUS: Error=Unable to find instrumentation info for: ComponentInfo{a/b}\n")
    assert failed(app).fault == "app updated"
    assert app.forgotten == 1


def test_an_app_that_adb_may_not_start_is_unsupported() -> None:
    app = ScriptedApp(b"INSTRUMENTATION_STATUS: Error=Permission Denial: starting instrumentation\n")
    with pytest.raises(Unsupported, match="may not be started"):
        ran(app)


def test_an_app_of_another_version_is_unsupported() -> None:
    said = {"status": "error", "reason": "job.json has the schema `a`, but this app reads `b`"}
    app = ScriptedApp(DONE.replace(b"exit=0", b"exit=2"), json.dumps(said).encode())
    with pytest.raises(Unsupported, match="another version"):
        ran(app)


def test_other_bad_arguments_are_left_to_the_reader_of_answers() -> None:
    said = json.dumps({"status": "error", "reason": "--threads has to be a number"}).encode()
    assert ran(ScriptedApp(DONE.replace(b"exit=0", b"exit=2"), said)).result.exit_code == 2


FOCUS = "mCurrentFocus=Window{1 u0 com.android.launcher/com.android.launcher.Home}\n"


@pytest.mark.parametrize(
    ("context", "window", "fault"),
    [
        ("app-foreground", "isKeyguardShowing=true\n", "screen locked"),
        ("app-foreground", FOCUS, "system dialog"),
        ("app-foreground", "", "hang"),
        ("app-service", FOCUS, "hang"),
    ],
)
def test_what_hides_an_app_that_did_not_end_in_time_is_named(context: str, window: str, fault: str) -> None:
    late = BlockFailed("R5: `am` took longer than 1 s.", fault="hang")
    found = failed(ScriptedApp(late, shell=window), context)
    assert found.fault == fault
    assert "browser" not in found.message


def case(context: Any) -> Case:
    return Case(target="R5", engine="tflite", backend="cpu", threads=1, model="m", context=context)


def test_the_app_is_for_phones_and_has_to_be_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here: TargetInfo = PHONE.model_copy(update={"kind": "host"})
    assert why_not(here, case("shell")) is None
    assert "on this computer" in str(why_not(here, case("app-service")))
    monkeypatch.setattr(paths, "app", lambda: tmp_path / "none.apk")
    assert "make apk" in str(why_not(PHONE, case("app-foreground")))
    (tmp_path / "none.apk").touch()
    assert why_not(PHONE, case("app-foreground")) is None
