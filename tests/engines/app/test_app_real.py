"""Native blocks in mobilebench's app on virtual phones, which run the app's core on this computer's JVM."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Timer

import pytest

from mobilebench import targets
from mobilebench.core import paths
from mobilebench.core.errors import BlockFailed, MobilebenchError, Unsupported
from mobilebench.core.records import BlockRule, Case, PlannedBlock, TargetInfo
from mobilebench.engines.app.process import AppProcess
from mobilebench.engines.base import BlockResult
from mobilebench.engines.registry import engines
from mobilebench.models.manifest import NO_MODEL_FILES
from mobilebench.targets.android.device import AndroidTarget
from mobilebench.targets.android.own_app import PACKAGE, keeping
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.virtual import faults, phones
from tests.targets.conftest import BUNDLED_ADB, own_adb

BUILT = [paths.app(), paths.app().with_name("core.jar"), paths.app().with_name("json.jar")]
pytestmark = [
    pytest.mark.adb,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not all(file.is_file() for file in BUILT) or shutil.which("java") is None,
        reason="the app is not built (make apk app-core), or there is no java",
    ),
]
_KILLS = 4
"""About so many times a run is killed, at equal distances."""
DUMP = (
    "pm list packages; ls -A /data/data 2>/dev/null; find /data/local/tmp -type f ! -path '*/files/*'; "
    "settings list global | sort"
)
KILLED = """
import sys
from pathlib import Path
from mobilebench import targets
from mobilebench.core import paths
from tests.targets.killed_run import counting
(info,) = targets.select(sys.argv[1])
with targets.open_target(info) as phone, counting(int(sys.argv[2])) as steps:
    app = phone.own_app()
    app.install(paths.app())
    app.place(Path(sys.argv[3]), phone.push(Path(sys.argv[3])))
    with app.job("ab", "{}"), app.scratch():
        pass
    phone._changes.put_back_all()
    print(steps())
"""
"""A run that uses the app and is killed before one of its steps; without a kill it prints how many it takes."""


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TargetInfo]:
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        (phone,) = phones.up(names=["app"])
        (found,) = targets.select(phone.serial)
        yield found


@pytest.fixture
def before(info: TargetInfo) -> Iterator[str]:
    """What the phone holds; it has to hold the same at the end."""
    held = dump(info)
    yield held
    targets.restore(info)
    assert dump(info) == held


def dump(info: TargetInfo) -> str:
    return DeviceShell(info.id).script(DUMP).stdout.decode()


def shell(info: TargetInfo, script: str) -> str:
    return DeviceShell(info.id).script(script).stdout.decode()


def is_installed(info: TargetInfo) -> bool:
    return PACKAGE in shell(info, "pm list packages")


def planned(info: TargetInfo, context: str, seconds: float = 0.2) -> PlannedBlock:
    case = Case(target=info.id, engine="sleep", backend="cpu", threads=1, model="none", context=context)  # type: ignore[arg-type]
    return PlannedBlock(
        index=0, round=0, case=case, rule=BlockRule(min_predictions=2, max_predictions=500, max_seconds=seconds)
    )


def measured(phone: targets.Target, block: PlannedBlock, cancel: Event | None = None) -> BlockResult:
    engine = engines()["sleep"]
    return engine.measure(engine.prepare(phone, block, NO_MODEL_FILES), cancel=cancel or Event())


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize("context", ["app-foreground", "app-service"])
def test_a_block_is_measured_in_the_app_which_is_removed_then(info: TargetInfo, context: str) -> None:
    with targets.open_target(info) as phone:
        found = measured(phone, planned(info, context)).measurement
        assert is_installed(info)
    assert not is_installed(info)
    assert len(found.prediction_ms) >= 2
    assert found.proof.files[0].name == "mobilebench.apk"
    app = found.proof.app
    assert app is not None
    assert (app.context, app.virtual, app.apk_sha256) == (context, True, found.proof.files[0].sha256)
    assert app.jvm


@pytest.mark.usefixtures("before")
def test_an_app_that_is_kept_is_used_again_and_never_removed(info: TargetInfo) -> None:
    with keeping(True), targets.open_target(info) as phone:
        measured(phone, planned(info, "app-service"))
    assert is_installed(info)
    with targets.open_target(info) as phone:
        measured(phone, planned(info, "app-service"))
        assert "jobs" not in shell(info, f"run-as {PACKAGE} ls files/jobs 2>/dev/null")
    assert is_installed(info), "it was there before"
    assert shell(info, f"run-as {PACKAGE} ls files/jobs") == ""
    assert "Success" in shell(info, f"pm uninstall {PACKAGE}")


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("before")
def test_after_a_kill_at_any_time_the_next_command_removes_the_app(
    info: TargetInfo, before: str, tmp_path: Path
) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(os.urandom(50_000))

    def run(kill_at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", KILLED, info.id, str(kill_at), str(file)]
        return subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)

    whole = run(0)
    assert whole.returncode == 0, whole.stderr
    steps, removed = int(whole.stdout), 0
    for kill_at in range(1, steps + 1, max(1, steps // _KILLS)):
        assert run(kill_at).returncode == -signal.SIGKILL, kill_at
        recovered = targets.restore(info)
        assert recovered.left == (), kill_at
        removed += f"{PACKAGE} is removed" in recovered.put_back
        assert dump(info) == before, kill_at
    assert removed > 0


@pytest.mark.usefixtures("before")
def test_a_build_that_someone_else_installed_meanwhile_stays(info: TargetInfo) -> None:
    with targets.open_target(info) as phone:
        assert isinstance(phone, AndroidTarget)
        phone.own_app().install(paths.app())
        step = next(one for one in phone._changes._steps if one.kind == "installed")
        phone._changes._steps[phone._changes._steps.index(step)] = step.model_copy(update={"sha256": "0" * 64})
    assert is_installed(info)
    assert "Success" in shell(info, f"pm uninstall {PACKAGE}")


@pytest.mark.usefixtures("before")
def test_ctrl_c_ends_the_app(info: TargetInfo) -> None:
    cancel = Event()
    timer = Timer(3.0, cancel.set)
    with targets.open_target(info) as phone:
        measured(phone, planned(info, "app-service"))
        timer.start()
        with pytest.raises(MobilebenchError):
            measured(phone, planned(info, "app-service", seconds=60.0), cancel)
        assert PACKAGE not in shell(info, "ps -A")
    assert not is_installed(info)


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("app-install-forbidden", Unsupported, "forbids"),
        ("app-install-full", BlockFailed, "storage is full"),
        ("app-install-unverified", Unsupported, "verifier"),
        ("app-run-as-refused", Unsupported, "does not let adb reach"),
    ],
)
def test_a_phone_that_does_not_take_the_app(
    info: TargetInfo, fault: str, kind: type[MobilebenchError], words: str
) -> None:
    faults.apply("app", fault)
    try:
        with targets.open_target(info) as phone, pytest.raises(kind) as refused:
            measured(phone, planned(info, "app-service"))
        assert words in refused.value.message
        assert refused.value.hint
    finally:
        faults.clear("app")


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize(
    ("fault", "kind"), [("app-crash", "crash"), ("app-anr", "hang"), ("app-killed", "killed for memory")]
)
def test_how_the_app_ended_is_named(info: TargetInfo, fault: str, kind: str) -> None:
    faults.apply("app", fault)
    try:
        with targets.open_target(info) as phone, pytest.raises(BlockFailed) as failed:
            measured(phone, planned(info, "app-foreground", seconds=20.0))
        assert failed.value.fault == kind, failed.value.text_with_hint
    finally:
        faults.clear("app")


@pytest.mark.usefixtures("before")
def test_an_app_that_the_user_leaves_was_not_visible(info: TargetInfo) -> None:
    faults.apply("app", "app-switched-away")
    try:
        with targets.open_target(info) as phone:
            app = measured(phone, planned(info, "app-foreground", seconds=3.0)).measurement.proof.app
    finally:
        faults.clear("app")
    assert app is not None
    assert app.visible is False


@pytest.mark.usefixtures("before")
def test_a_truncated_app_is_not_installed(info: TargetInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = tmp_path / "mobilebench.apk"
    cut.write_bytes(paths.app().read_bytes()[:-1000])
    monkeypatch.setattr(paths, "app", lambda: cut)
    with targets.open_target(info) as phone, pytest.raises(BlockFailed, match="damaged"):
        measured(phone, planned(info, "app-service"))
    assert not is_installed(info)


@pytest.mark.usefixtures("before")
def test_a_missing_delegate_library_is_what_the_runner_says(info: TargetInfo) -> None:
    with targets.open_target(info) as phone:
        process = AppProcess.on(phone, "app-service")
        missing = f"/data/data/{PACKAGE}/files/by-hash/none.so"
        ran = process.run(
            ["--engine", "onnxruntime", "--check", "library", "--threads", "1", "--library", missing], timeout=60
        )
    assert ran.result.exit_code == 1
    assert b"none.so" in ran.result.stdout


@pytest.mark.usefixtures("before")
def test_a_job_of_another_schema_is_refused(info: TargetInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobilebench.engines.app.process.JOB_SCHEMA", "mobilebench.job/9")
    with targets.open_target(info) as phone:
        process = AppProcess.on(phone, "app-service")
        with pytest.raises(Unsupported, match="another version"):
            process.run(["--engine", "sleep"], timeout=60)
