"""Libraries that cannot be loaded, each made by the compiler: named in the loader's words before an engine runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mobilebench.engines import libraries
from tests.native.running import FORMATS, real_arguments, run

pytestmark = pytest.mark.build

ORT = "const void *OrtGetApiBase(void)"
TABLE = """
static void *table[512];
static void *const *get_api(unsigned version) { return version > 16 ? 0 : table; }
static const char *get_version(void) { return "1.16.0"; }
static const void *base[] = {(void *)get_api, (void *)get_version};
"""
CRASH = "*(volatile int *)0 = 1;"


def built(folder: Path, code: str, *arguments: str | Path, name: str = "libengine.so") -> Path:
    """A shared library of that C code."""
    source, library = folder / f"{name}.c", folder / name
    source.write_text(code)
    compiler = shutil.which("cc") or shutil.which("clang")
    assert compiler, "run `make native` first"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O0", "-w", "-o", library, source, *arguments], check=True, capture_output=True
    )
    return library


def constructor(body: str) -> str:
    return (
        f"#include <stdlib.h>\n#include <signal.h>\n__attribute__((constructor)) static void begin(void) {{ {body} }}"
    )


def check(runner: Path, engine: str, library: Path, what: str = "library", **options: str) -> tuple[int, str | None]:
    """Exit code and reason."""
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    code, answer, _ = run(
        runner, "--engine", engine, "--check", what, "--threads", "1", "--library", str(library), *words
    )
    assert answer["engine"] == engine
    return code, answer["reason"]


@pytest.mark.parametrize("engine", FORMATS)
@pytest.mark.parametrize("what", ["library", "delegate"])
def test_the_engines_own_libraries_load(runner: Path, engine: str, what: str) -> None:
    library = libraries.library(engine, libraries.host_build()).path
    assert check(runner, engine, library, what) == (0, None)


@pytest.mark.parametrize("engine", FORMATS)
def test_a_library_that_it_needs_is_named(runner: Path, tmp_path: Path, engine: str) -> None:
    needed = built(tmp_path, "int needed(void) { return 1; }", name="libandroid.so")
    library = built(tmp_path, "int needed(void); int asks(void) { return needed(); }", needed)
    needed.unlink()
    code, reason = check(runner, engine, library)
    assert (code, "the engine's library cannot be loaded: " in (reason or "")) == (3, True)
    assert "libandroid.so" in (reason or "")


@pytest.mark.parametrize("engine", FORMATS)
def test_a_symbol_that_is_nowhere_is_named(runner: Path, tmp_path: Path, engine: str) -> None:
    library = built(tmp_path, "int ANativeWindow_new(void); int asks(void) { return ANativeWindow_new(); }")
    code, reason = check(runner, engine, library)
    assert (code, "ANativeWindow_new" in (reason or "")) == (3, True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (CRASH, "signal 11, it crashed"),
        ("void (*none)(void) = 0; none();", "signal 11, it crashed"),
        ("abort();", "signal 6, it gave up"),
        ("raise(SIGILL);", "signal 4, the processor lacks an instruction that it uses"),
        ("raise(SIGSYS);", "signal 31, the system forbids a call that it makes"),
        ("raise(SIGALRM);", "it did not end within 60 s"),
        ("exit(0);", "it ended the process with exit code 0"),
        ("_Exit(7);", "it ended the process with exit code 7"),
    ],
)
@pytest.mark.parametrize("engine", FORMATS)
def test_a_library_that_ends_its_process_is_reported(
    runner: Path, tmp_path: Path, engine: str, body: str, words: str
) -> None:
    library = built(tmp_path, constructor(body))
    code, reason = check(runner, engine, library)
    assert (code, reason) == (3, f"the engine's library `{library}` cannot be loaded: {words}")


def test_a_process_that_something_else_killed_proves_nothing_of_the_library(runner: Path, tmp_path: Path) -> None:
    code, reason = check(runner, "tflite", built(tmp_path, constructor("raise(SIGKILL);")))
    assert (code, "was killed by signal 9" in (reason or "")) == (1, True)


def test_a_library_that_is_damaged_inside_is_reported_and_not_run(runner: Path, tmp_path: Path) -> None:
    whole = libraries.library("tflite", libraries.host_build()).path.read_bytes()
    library = tmp_path / "libengine.so"
    library.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    code, reason = check(runner, "tflite", library)
    assert (code, "cannot be loaded: " in (reason or "")) == (3, True)


@pytest.mark.parametrize(
    ("engine", "code", "words"),
    [
        ("tflite", "", "is not TensorFlow Lite with its C API: it lacks TfLiteVersion"),
        ("tflite", 'const char *TfLiteVersion(void) { return "2.0"; }', "it lacks TfLiteModelCreateWithErrorReporter"),
        ("onnxruntime", "", "is not ONNX Runtime: it lacks OrtGetApiBase"),
        ("onnxruntime", f"{ORT} {{ return 0; }}", "is not ONNX Runtime: OrtGetApiBase gives no functions"),
        ("onnxruntime", f"static void *none[2]; {ORT} {{ return none; }}", "OrtGetApiBase gives no functions"),
        ("onnxruntime", f"{TABLE} {ORT} {{ return base; }}", "lacks the function GetErrorCode"),
        (
            "onnxruntime",
            f"{TABLE} {ORT} {{ for (int i = 0; i < 512; i++) table[i] = (void *)1; return base; }}",
            "signal 11, it crashed",
        ),
        ("onnxruntime", f"{ORT} {{ {CRASH} return 0; }}", "signal 11, it crashed"),
    ],
)
def test_functions_that_are_not_there_are_never_called(
    runner: Path, tmp_path: Path, engine: str, code: str, words: str
) -> None:
    number, reason = check(runner, engine, built(tmp_path, code))
    assert (number, words in (reason or "")) == (3, True), reason


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("int glGetError(void); int asks(void) { return glGetError(); }", "glGetError"),
        ("", "this build of TensorFlow Lite has no GPU delegate: it lacks TfLiteGpuDelegateOptionsV2Default"),
        (constructor(CRASH), "cannot be loaded: signal 11, it crashed"),
        (
            "struct options { char room[1024]; };"
            "struct options TfLiteGpuDelegateOptionsV2Default(void) { struct options none = {0}; return none; }"
            f"void *TfLiteGpuDelegateV2Create(const void *options) {{ {CRASH} return 0; }}"
            "void TfLiteGpuDelegateV2Delete(void *delegate) {}",
            "cannot be loaded: signal 11, it crashed",
        ),
        (
            "struct options { char room[256]; };"
            "struct options TfLiteGpuDelegateOptionsV2Default(void) { struct options none = {0}; return none; }"
            "void *TfLiteGpuDelegateV2Create(const void *options) { return 0; }"
            "void TfLiteGpuDelegateV2Delete(void *delegate) {}",
            "no GPU delegate: TensorFlow Lite gave no reason",
        ),
    ],
)
def test_a_delegates_library_is_tried_with_its_delegate(runner: Path, tmp_path: Path, code: str, words: str) -> None:
    core = libraries.library("tflite", libraries.host_build()).path
    delegate = built(tmp_path, code, name="libdelegate.so")
    options = {"backend": "gpu", "arithmetic": "fp32", "delegate_library": str(delegate)}
    number, reason = check(runner, "tflite", core, "delegate", **options)
    assert (number, words in (reason or "")) == (3, True), reason
    assert check(runner, "tflite", core) == (0, None)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("int fastrpc(void); int asks(void) { return fastrpc(); }", "the delegate's library cannot be loaded: "),
        (constructor(CRASH), "cannot be loaded: signal 11, it crashed"),
    ],
)
def test_a_providers_own_library_is_tried_before_a_session_needs_it(
    runner: Path, tmp_path: Path, code: str, words: str
) -> None:
    core = libraries.library("onnxruntime", libraries.host_build()).path
    provider = built(tmp_path, code, name="libQnnHtp.so")
    number, reason = check(runner, "onnxruntime", core, "delegate", backend="qnn", delegate_library=str(provider))
    assert (number, words in (reason or "")) == (3, True), reason


def test_a_mount_without_execution_is_reported(runner: Path, tmp_path: Path) -> None:
    whole = libraries.library("tflite", libraries.host_build()).path
    script = (
        'mount -t tmpfs -o noexec none "$1" && cp "$2" "$1/libengine.so" && '
        'exec "$3" --engine tflite --check library --threads 1 --library "$1/libengine.so"'
    )
    alone = ["unshare", "--mount", "--map-root-user"]
    if subprocess.run([*alone, "mount", "-t", "tmpfs", "none", tmp_path], capture_output=True).returncode != 0:
        pytest.skip("this system lets nobody mount")
    done = subprocess.run([*alone, "sh", "-c", script, "sh", tmp_path, whole, runner], capture_output=True)
    assert done.returncode == 3, done.stderr
    assert "cannot be loaded: " in json.loads(done.stdout)["reason"]


@pytest.mark.parametrize("engine", FORMATS)
def test_what_crashes_after_the_answer_does_not_take_it_away(runner: Path, tmp_path: Path, engine: str) -> None:
    """Drivers' libraries are known to crash in destructors."""
    real = libraries.library(engine, libraries.host_build()).path
    crash = f"__attribute__((destructor)) static void end(void) {{ {CRASH} }}"
    for name in (real.name, "libonnxruntime.so.1"):
        (tmp_path / name).symlink_to(real)
    library = built(tmp_path, crash, "-Wl,--no-as-needed", real, f"-Wl,-rpath,{tmp_path}")
    assert check(runner, engine, library) == (0, None)
    code, answer, _ = run(runner, *real_arguments(engine, "bert_small", library=str(library), max_predictions="3"))
    assert (code, answer["status"]) == (0, "ok")


def test_a_check_needs_an_engine_with_a_library(runner: Path) -> None:
    for arguments in (["--engine", "sleep"], ["--engine", "tflite"]):
        code, answer, _ = run(runner, *arguments, "--threads", "1", "--check", "library")
        assert (code, "--check needs an engine with a --library" in answer["reason"]) == (2, True)
    code, answer, _ = run(runner, "--engine", "tflite", "--threads", "1", "--check", "model")
    assert (code, answer["reason"]) == (2, "--check has to be nothing, library or delegate")
