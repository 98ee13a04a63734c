"""Where engine libraries come from, and that nothing but the pinned bytes is ever used."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mobilebench.core import artefacts, log
from mobilebench.core.errors import BadInput, Unsupported
from mobilebench.engines import libraries
from mobilebench.engines.libraries import cached, catalogue, given, pins, resolve
from tests.browsers.processes import wait_until
from tests.engines.libraries.fakes import COORDINATE, INSIDE, PACKAGE, aar, calls, client, elf, pin, sha256, tgz, zipped
from tests.pinning import Pinned

PHONE = "android-arm64-v8a"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in given.NAMES:
        monkeypatch.delenv(given.variable(name), raising=False)
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cached, "_failures", {})
    return tmp_path / "cache"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pinned archive for two kinds of phone, and a Maven client that gives it."""
    made = aar(tmp_path / "engine.aar")
    pin(monkeypatch, made)
    client(tmp_path / "bin", monkeypatch, "mvn", f'cp {made} "$OUT/engine.aar"')
    return made


def quiet(_words: str) -> None:
    """Nobody listens."""


def files_in(folder: Path) -> list[str]:
    return sorted(
        str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and file.suffix != ".lock"
    )


def obtain(backend: str = "cpu", build: str = PHONE) -> libraries.EngineLibraries:
    return libraries.libraries_for("onnxruntime", backend, build, quiet)


def test_the_lock_file_is_whole() -> None:
    lock = pins.lock()
    assert set(lock.engines) == set(libraries.ENGINES)
    phones = {"android-arm64-v8a", "android-armeabi-v7a", "android-x86_64"}
    assert phones == set(lock.engines["onnxruntime"])
    assert phones < set(lock.engines["tflite"])
    sums: dict[tuple[str, str], str] = {}
    for builds in lock.engines.values():
        for build, choices in builds.items():
            assert build.startswith(("linux-", "android-"))
            backends = [backend for choice in choices for backend in choice.backends]
            assert len(backends) == len(set(backends))
            for choice in choices:
                for one in filter(None, (choice.core, choice.delegate)):
                    assert sums.setdefault((one.archive, one.member), one.sha256) == one.sha256
                    assert build.partition("-")[2] in one.member or "arm64" in one.member
                    assert lock.archives[one.archive].licence in {"Apache-2.0", "MIT"}
    assert {archive for archive, _ in sums} == set(lock.archives)


def test_the_gpu_delegate_is_of_its_cores_version() -> None:
    lock = pins.lock()
    for build, choices in lock.engines["tflite"].items():
        found = [one for one in choices if "gpu" in one.backends]
        assert len(found) == (1 if build.startswith("android-") else 0)
        for choice in found:
            assert choice.delegate is not None
            assert lock.archives[choice.core.archive].version == lock.archives[choice.delegate.archive].version


def test_host_and_phone_are_pinned_to_one_version_of_onnxruntime() -> None:
    assert {lock.version for name, lock in pins.lock().archives.items() if name.startswith("onnxruntime")} == {
        libraries.host_version("onnxruntime")
    }


@pytest.mark.parametrize(
    ("engine", "build", "backend", "reason"),
    [
        ("tflite", "android-riscv64", None, "no library of `tflite` is pinned for android-riscv64"),
        ("tflite", "linux-x86_64", "gpu", "no library of backend `gpu` of `tflite` is pinned for linux-x86_64"),
        ("onnxruntime", PHONE, "qnn", f"no library of backend `qnn` of `onnxruntime` is pinned for {PHONE}"),
        ("onnxruntime", "linux-sparc", "cpu", "no library of `onnxruntime` is pinned for linux-sparc"),
    ],
)
def test_a_build_without_a_library_is_unsupported_with_a_hint(
    engine: str, build: str, backend: str | None, reason: str, pinned: Pinned
) -> None:
    assert (libraries.missing_reason(engine, build, backend) or "").startswith(reason)
    with pinned.raises(Unsupported):
        libraries.libraries_for(engine, backend or "cpu", build)


@pytest.mark.parametrize("backend", ["cpu", "nnapi", "gpu"])
def test_every_phone_has_a_library_for_tflites_backends(backend: str) -> None:
    for build in ("android-arm64-v8a", "android-armeabi-v7a", "android-x86_64"):
        assert libraries.missing_reason("tflite", build, backend) is None


def test_fetched_once_for_all_phones_and_only_the_members_leave_the_archive(
    tmp_path: Path, archive: Path, own_cache: Path
) -> None:
    first = obtain()
    assert obtain() == first
    assert obtain("nnapi").core == first.core
    assert obtain(build="android-x86_64").core.path.read_bytes() == elf("x86_64", android=True)
    assert first.core.path.read_bytes() == elf("arm64-v8a", android=True)
    assert (first.core.version, first.core.licence, first.core.coordinate) == ("1.0", "MIT", COORDINATE)
    assert first.core.sha256 == sha256(elf("arm64-v8a", android=True))
    assert calls(tmp_path / "bin") == ["mvn"]
    assert not list(tmp_path.rglob("outside"))
    assert [name for name in files_in(own_cache) if name.endswith(".so")] == [
        "libraries/onnxruntime-1.0-android-arm64-v8a/libonnxruntime.so",
        "libraries/onnxruntime-1.0-android-x86_64/libonnxruntime.so",
    ]
    assert not list((own_cache / "libraries").glob(".fetch-*"))


def test_another_version_than_this_computers_is_noted(archive: Path) -> None:
    assert any("1.0" in note and "differ in speed" in note for note in obtain().notes)


def test_a_fetch_is_reported_and_logged(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, log.ROOT)
    told: list[str] = []
    libraries.libraries_for("onnxruntime", "cpu", PHONE, told.append)
    libraries.libraries_for("onnxruntime", "cpu", PHONE, told.append)
    assert told == [f"Fetching {COORDINATE} for `onnxruntime` …"]
    assert [message.partition(" after ")[0] for message in caplog.messages] == [
        f"fetch of {COORDINATE}: begun",
        f"fetch of {COORDINATE}: done",
    ]


def test_a_library_that_another_computer_sent_is_not_fetched(archive: Path, tmp_path: Path) -> None:
    content = elf("arm64-v8a", android=True)
    artefacts.put(sha256(content), 0, len(content), content)
    assert obtain().core.path.read_bytes() == content
    assert obtain().core.origin == COORDINATE
    assert not (tmp_path / "bin" / "calls").exists()


def test_a_truncated_library_is_fetched_again(archive: Path) -> None:
    path = obtain().core.path
    path.write_bytes(path.read_bytes()[:7])
    assert obtain().core.path.read_bytes() == elf("arm64-v8a", android=True)


def test_the_mirror_gives_what_the_official_place_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = aar(tmp_path / "engine.aar")
    package = tgz(tmp_path / "mirror.tgz", {"package/big": bytes(2**21), INSIDE: made.read_bytes()})
    pin(monkeypatch, made, package=package)
    client(tmp_path / "bin", monkeypatch, "mvn", 'echo "[ERROR] Could not find artifact."; exit 1')
    client(tmp_path / "bin", monkeypatch, "npm", f'cp {package} "$OUT/mirror.tgz"')
    found = obtain().core
    assert found.path.read_bytes() == elf("arm64-v8a", android=True)
    assert calls(tmp_path / "bin") == ["mvn", "npm"]
    assert found.coordinate == COORDINATE
    assert found.origin == f"npm package {PACKAGE}"


@pytest.mark.parametrize("what", ["archive", "library"])
def test_other_bytes_than_the_pinned_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path, what: str, pinned: Pinned
) -> None:
    made = aar(tmp_path / "engine.aar")
    wrong = "0" * 64
    if what == "archive":
        pin(monkeypatch, made, archive_sha256=wrong)
    else:
        pin(monkeypatch, made, member_sha256=wrong)
    client(tmp_path / "bin", monkeypatch, "mvn", f'cp {made} "$OUT/engine.aar"')
    for _ in range(2):
        with pinned.raises(BadInput):
            obtain()
        assert libraries.missing_reason("onnxruntime", PHONE) is None, "it has to fail, not to be unsupported"
    assert files_in(own_cache) == []


def test_a_mirror_with_other_bytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path, pinned: Pinned
) -> None:
    made = aar(tmp_path / "engine.aar")
    package = tgz(tmp_path / "mirror.tgz", {INSIDE: b"another archive"})
    pin(monkeypatch, made, package=package)
    client(tmp_path / "bin", monkeypatch, "mvn", "exit 1")
    client(tmp_path / "bin", monkeypatch, "npm", f'cp {package} "$OUT/mirror.tgz"')
    with pinned.raises(BadInput):
        obtain()
    assert files_in(own_cache) == []


def test_an_archive_without_the_member_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    made = aar(tmp_path / "engine.aar")
    pin(monkeypatch, made, member="jni/arm64-v8a/absent.so")
    client(tmp_path / "bin", monkeypatch, "mvn", f'cp {made} "$OUT/engine.aar"')
    with pinned.raises(BadInput):
        obtain()


def test_a_truncated_download_is_refused(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    client(tmp_path / "bin", monkeypatch, "mvn", f'head -c 40 {archive} > "$OUT/engine.aar"')
    with pinned.raises(BadInput):
        obtain()


def test_without_the_clients_the_case_is_unsupported_with_what_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    made = aar(tmp_path / "engine.aar")
    pin(monkeypatch, made, package=tgz(tmp_path / "mirror.tgz", {INSIDE: made.read_bytes()}))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pinned.raises(Unsupported) as caught:
        obtain()
    assert "--engine-library onnxruntime=FILE" in (caught.value.hint or "")


def test_offline_the_client_s_message_is_reported_and_it_is_not_tried_twice(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    client(tmp_path / "bin", monkeypatch, "mvn", 'printf "\\033[1m[ERROR]\\033[m Unknown host x.invalid.\n" ; exit 1')
    for _ in range(3):
        with pinned.raises(Unsupported):
            obtain()
    assert calls(tmp_path / "bin") == ["mvn"]
    reason = libraries.missing_reason("onnxruntime", PHONE) or ""
    assert reason.startswith("the library of `onnxruntime`")
    pinned(reason)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("[ERROR] Failed to execute goal a:b:c (default-cli) on project x: Not found -> [Help 1]", "Not found"),
        ("npm error code E404\nnpm error 404 Not Found - GET it", "404 Not Found - GET it"),
        ("npm ERR! code ECONNREFUSED\nnpm ERR! syscall connect\nnpm ERR! connect failed", "connect failed"),
        ("Picked up options\n[WARNING] odd\n", "the client gave no reason"),
        ("[ERROR] bad \x07 letter", "bad \\? letter"),
    ],
)
def test_the_clients_reason_is_found_in_its_words(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, said: str, words: str
) -> None:
    (tmp_path / "said").write_text(said)
    client(tmp_path / "bin", monkeypatch, "mvn", f"cat {tmp_path}/said; exit 1")
    with pytest.raises(Unsupported, match=f": {words}\\.$"):
        obtain()


def test_a_client_that_hangs_is_ended_with_its_children(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setattr(cached, "_FETCH_SECONDS", 0.3)
    script = f"sleep 60 & echo $! > {tmp_path}/draft; mv {tmp_path}/draft {tmp_path}/child; wait"
    client(tmp_path / "bin", monkeypatch, "mvn", script)
    wait = subprocess.Popen.wait

    def once_it_hangs(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if timeout is not None:
            wait_until((tmp_path / "child").exists)
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", once_it_hangs)
    with pinned.raises(Unsupported):
        obtain()
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: _state(child) == "Z", 30)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_two_at_a_time_fetch_once(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = tmp_path / "both wait"
    script = f'until [ -e "{both}" ]; do sleep 0.02; done; cp {archive} "$OUT/engine.aar"'
    client(tmp_path / "bin", monkeypatch, "mvn", script)
    told: list[str] = []
    found: list[libraries.EngineLibraries] = []

    def waiting() -> int:
        return sum(words.startswith("Waiting for another process") for words in told)

    def tell(words: str) -> None:
        told.append(words)
        if waiting() == 2:
            both.touch()

    def work() -> None:
        found.append(libraries.libraries_for("onnxruntime", "cpu", PHONE, tell))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 3
    assert len({one.core for one in found}) == 1
    assert calls(tmp_path / "bin") == ["mvn"]
    assert waiting() == 2


def test_what_a_killed_fetch_left_behind_is_removed(archive: Path, own_cache: Path) -> None:
    left = own_cache / "libraries" / ".fetch-engine" / "0"
    left.mkdir(parents=True)
    (left / "engine.aar").write_bytes(b"half of it")
    assert obtain().core.path.is_file()
    assert not left.exists()


def test_a_cache_that_cannot_be_written_is_reported(archive: Path, own_cache: Path, pinned: Pinned) -> None:
    own_cache.mkdir()
    (own_cache / "libraries").write_text("a file where a folder should be")
    with pinned.raises(BadInput) as caught:
        obtain()
    assert "MOBILEBENCH_CACHE" in (caught.value.hint or "")


def test_onnxruntime_is_the_installed_packages_library() -> None:
    found = libraries.library("onnxruntime", libraries.host_build())
    assert found.path.name == f"libonnxruntime.so.{found.version}"
    assert found.coordinate == f"onnxruntime=={found.version}"
    assert found.licence == "MIT"


def test_providers_count_only_with_the_library_that_loads_them(tmp_path: Path) -> None:
    core = tmp_path / "libonnxruntime.so.1.0"
    (tmp_path / "libonnxruntime_providers_cuda.so").write_bytes(b"")
    assert libraries.providers_beside(core) == {}
    (tmp_path / "libonnxruntime_providers_shared.so").write_bytes(b"")
    assert libraries.providers_beside(core) == {"cuda": tmp_path / "libonnxruntime_providers_cuda.so"}


def test_a_provider_that_the_package_lacks_is_reported_with_the_package_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    core = tmp_path / "libonnxruntime.so.1.10.0"
    monkeypatch.setattr(resolve, "find_installed", lambda: core)
    reason = libraries.missing_reason("onnxruntime", libraries.host_build(), "cuda")
    pinned(reason or "")
    for name in ("cuda", "shared"):
        (tmp_path / f"libonnxruntime_providers_{name}.so").write_bytes(b"")
    assert libraries.missing_reason("onnxruntime", libraries.host_build(), "cuda") is None
    assert libraries.missing_reason("onnxruntime", libraries.host_build(), "cpu") is None


@pytest.mark.slow
def test_the_newest_of_several_installed_libraries_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "onnxruntime" / "capi"
    folder.mkdir(parents=True)
    (tmp_path / "onnxruntime" / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    for version in ("1.9.0", "1.10.0"):
        (folder / f"libonnxruntime.so.{version}").write_bytes(elf())
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from mobilebench.engines.libraries import resolve; print(resolve.find_installed())",
        ],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[3]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == str(folder / "libonnxruntime.so.1.10.0")


def test_fetching_reports_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    monkeypatch.setenv("MOBILEBENCH_TFLITE_LIBRARY", str(tmp_path / "absent.so"))
    (entry,) = catalogue.entries(["tflite"], [libraries.host_build()])
    pinned(catalogue.fetch(entry))


def test_a_lock_file_that_names_no_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pin(monkeypatch, zipped(tmp_path / "engine.aar", {})).model_dump()
    with pytest.raises(ValueError, match="there is no archive engine"):
        pins.Lock.model_validate({**whole, "archives": {}})


def test_the_documented_licences_are_those_of_the_lock_file() -> None:
    document = (Path(__file__).parents[3] / "docs" / "licences.md").read_text()
    table = document.partition("catalogue.licences() -->\n")[2].partition("\n<!-- end -->")[0]
    assert table == catalogue.licences()


def test_the_catalogue_shows_what_is_here(archive: Path) -> None:
    before = catalogue.entries(["onnxruntime"], [PHONE])
    assert [(entry.state, entry.backends, entry.role) for entry in before] == [
        ("not fetched", ("cpu", "nnapi"), "core")
    ]
    assert catalogue.fetch(before[0], quiet) is None
    (after,) = catalogue.entries(["onnxruntime"], [PHONE])
    assert (after.state, after.version, after.licence, after.as_here) == ("here", "1.0", "MIT", False)
    host = catalogue.entries(["onnxruntime"], [libraries.host_build()])
    assert [(entry.state, entry.as_here) for entry in host] == [("here", True)]


def test_the_catalogue_keeps_the_reason_of_a_failed_fetch(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    client(tmp_path / "bin", monkeypatch, "mvn", 'echo "[ERROR] no route"; exit 1')
    (entry,) = catalogue.entries(["onnxruntime"], [PHONE])
    pinned(catalogue.fetch(entry, quiet) or "")
    pinned(catalogue.entries(["onnxruntime"], [PHONE])[0].state)


@pytest.mark.parametrize(("engines", "builds"), [(["tfjs"], []), ([], ["android-mips"])])
def test_an_unknown_name_is_bad_input(engines: list[str], builds: list[str], pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        catalogue.entries(engines, builds)


def test_a_package_without_its_library_makes_cases_unsupported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    """Before a run as well as in it: there is nothing to try."""
    folder = tmp_path / "onnxruntime"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("MOBILEBENCH_ONNXRUNTIME_LIBRARY", raising=False)
    build = libraries.host_build()
    for backend in ("cpu", "xnnpack"):
        reason = libraries.missing_reason("onnxruntime", build, backend) or ""
        pinned(reason)
        with pinned.raises(Unsupported):
            libraries.libraries_for("onnxruntime", backend, build)
    mine = tmp_path / "mine.so"
    mine.write_bytes(elf(build.partition("-")[2]))
    with given.using([f"onnxruntime={mine}"]):
        assert libraries.missing_reason("onnxruntime", build, "cpu") is None
