"""Apps on a virtual phone as real adb sees them: installed, closed to the shell, and run on this computer's JVM."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.core import paths
from mobilebench.virtual import faults, phones, sandbox
from mobilebench.virtual.phone_records import VirtualPhone
from tests.virtual.conftest import Desk, wait_until
from tests.virtual.making_apks import Made

pytestmark = pytest.mark.adb

PACKAGE = "org.mobilebench.app"
FOLDER = f"/data/data/{PACKAGE}"
_HAS_CORE = shutil.which("java") and (paths.PACKAGE / "assets" / "app" / "core.jar").is_file()
needs_core = pytest.mark.skipif(not _HAS_CORE, reason="needs java and the app's core (make app-core)")


@pytest.fixture(scope="module")
def phone(desk: Desk) -> Iterator[VirtualPhone]:
    (one,) = phones.up(1, ["tensor-g3"], names=["apps"], chrome=False)
    yield one
    phones.down(["apps"])


@pytest.fixture
def app(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> Iterator[None]:
    """The app is installed, and removed afterwards."""
    done = desk.run(phone, "install", "-r", "-t", "-g", str(Made().write(tmp_path)))
    assert b"Success" in done.stdout, done
    yield
    faults.clear("apps")
    desk.run(phone, "uninstall", PACKAGE)


def give(desk: Desk, phone: VirtualPhone, name: str, content: bytes) -> None:
    """Write a file of the app, from standard input."""
    command = f"run-as {PACKAGE} sh -c 'cat > {name}'"
    subprocess.run([desk.adb, "-s", phone.serial, "shell", command], input=content, timeout=60, check=True)


def test_a_streamed_apk_that_is_none_is_refused(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    bad = tmp_path / "bad.apk"
    bad.write_bytes(Made().content()[:400])
    done = desk.run(phone, "install", str(bad))
    assert done.returncode == 1
    assert b"INSTALL_PARSE_FAILED_NOT_APK" in done.stdout + done.stderr
    assert desk.shell(phone, "ls -A /data/local/tmp") == ""


@pytest.mark.usefixtures("app")
def test_the_installed_file_is_the_pushed_one(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    path = desk.shell(phone, f"pm path {PACKAGE}").removeprefix("package:")
    desk.run(phone, "pull", path, str(tmp_path / "pulled"))
    assert (tmp_path / "pulled").read_bytes() == Made().content()
    assert desk.run(phone, "uninstall", PACKAGE).returncode == 0
    assert desk.run(phone, "shell", f"ls {path}").returncode != 0


@pytest.mark.usefixtures("app")
def test_files_go_in_by_run_as_and_are_closed_to_the_shell(desk: Desk, phone: VirtualPhone) -> None:
    content = bytes(range(256)) * 2000
    desk.shell(phone, f"run-as {PACKAGE} mkdir -p files")
    give(desk, phone, "files/model", content)
    assert desk.run(phone, "exec-out", f"run-as {PACKAGE} cat {FOLDER}/files/model").stdout == content
    assert desk.shell(phone, f"run-as {PACKAGE} pwd").endswith(FOLDER)  # below the phone's folder without a sandbox
    desk.shell(phone, f"run-as {PACKAGE} chmod 400 files/model")
    if sandbox.namespaces() == "user":
        assert desk.run(phone, "shell", f"run-as {PACKAGE} sh -c 'echo x > files/model'").returncode != 0
        denied = desk.run(phone, "shell", f"cat {FOLDER}/files/model")
        assert denied.returncode != 0 and b"Permission denied" in denied.stdout + denied.stderr
    assert desk.run(phone, "shell", "run-as org.none ls").returncode == 1
    desk.shell(phone, f"run-as {PACKAGE} rm -rf files")


def test_apps_and_their_files_survive_a_boot(desk: Desk, phone: VirtualPhone, app: None) -> None:
    desk.shell(phone, f"run-as {PACKAGE} mkdir -p files")
    give(desk, phone, "files/kept", b"kept")
    phones.down(["apps"])
    phones.up(1, names=["apps"], chrome=False)
    assert desk.shell(phone, f"run-as {PACKAGE} cat files/kept") == "kept"
    assert desk.shell(phone, f"pm list packages {PACKAGE}") == f"package:{PACKAGE}"


def test_a_phone_that_forbids_installs(desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    faults.apply("apps", "app-install-forbidden")
    done = desk.run(phone, "install", str(Made().write(tmp_path)))
    assert b"INSTALL_FAILED_USER_RESTRICTED" in done.stdout + done.stderr
    faults.clear("apps")
    assert desk.shell(phone, f"pm list packages {PACKAGE}") == ""


@pytest.mark.usefixtures("app")
def test_a_maker_refuses_run_as(desk: Desk, phone: VirtualPhone) -> None:
    faults.apply("apps", "app-run-as-refused")
    done = desk.run(phone, "shell", f"run-as {PACKAGE} ls")
    assert b"couldn't set SELinux security context" in done.stdout + done.stderr
    faults.clear("apps", "app-run-as-refused")
    assert desk.run(phone, "shell", f"run-as {PACKAGE} ls").returncode == 0


def begin(desk: Desk, phone: VirtualPhone, context: str) -> str:
    """Put a job there that the core refuses with an answer; return the command that runs it."""
    job = {"schema": "mobilebench.job/1", "id": "ab", "runner": "native", "context": context, "arguments": ["--engine"]}
    desk.shell(phone, f"run-as {PACKAGE} mkdir -p files/jobs/ab")
    give(desk, phone, "files/jobs/ab/job.json", json.dumps(job).encode())
    return f"am instrument -w -r -e job ab -e context {context} {PACKAGE}/.RunnerInstrumentation"


@needs_core
@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("context", ["app-service", "app-foreground"])
def test_the_core_answers_on_this_computer_s_jvm(desk: Desk, phone: VirtualPhone, context: str) -> None:
    lines = desk.shell(phone, begin(desk, phone, context)).splitlines()
    assert lines[-2:] == ["INSTRUMENTATION_RESULT: exit=2", "INSTRUMENTATION_CODE: -1"]
    assert "INSTRUMENTATION_STATUS: stage=done" in lines
    answer = json.loads(desk.shell(phone, f"run-as {PACKAGE} cat files/jobs/ab/answer.json"))
    assert (answer["schema"], answer["status"]) == ("mobilebench/measurement/1", "error")
    facts = json.loads(desk.shell(phone, f"run-as {PACKAGE} cat files/jobs/ab/app.json"))
    assert (facts["virtual"], facts["context"], facts["visible"]) == (True, context, context == "app-foreground")
    assert facts["jvm"][0].isalpha() and facts["importance"] is None
    log = desk.shell(phone, "logcat -d -s mobilebench:I")
    assert "mobilebench: done" in log


@needs_core
@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(("fault", "reason"), [("app-crash", "reason=4"), ("app-killed", "reason=3 (LOW_MEMORY)")])
def test_a_fault_in_the_middle_of_a_job(desk: Desk, phone: VirtualPhone, fault: str, reason: str) -> None:
    faults.apply("apps", fault)
    assert faults.active("apps") == {fault: ""}
    lines = desk.shell(phone, begin(desk, phone, "app-service")).splitlines()
    assert lines[-2:] == ["INSTRUMENTATION_RESULT: shortMsg=Process crashed.", "INSTRUMENTATION_CODE: 0"]
    wait_until(lambda: faults.active("apps") == {})
    assert reason in desk.shell(phone, f"dumpsys activity exit-info {PACKAGE}")
