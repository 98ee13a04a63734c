"""The units of the app's core in Java, under JUnit, and that its jar depends on its sources alone."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from apk_runner import archives
from apk_runner.core import build
from mobilebench.core.errors import BadInput
from tests.apk_runner.core import OPTIONS, jars, library_folder

pytestmark = pytest.mark.build

TESTS = Path(build.__file__).with_name("tests")
VECTORS = Path(__file__).parents[1] / "models" / "input_vectors.json"
ANDROID_LACKS = ("java/awt", "java/lang/management", "java/lang/ProcessHandle", "javax/management", "sun/")
"""Beginnings of class names that Android does not have."""


def test_the_units_of_the_core_do_what_they_say(tmp_path: Path) -> None:
    junit = archives.obtain("junit")[0]
    build.compile_into(tmp_path, TESTS.rglob("*.java"), [*jars(), junit])
    command = ["java", *OPTIONS, f"-Djava.library.path={library_folder()}", f"-Dvectors={VECTORS}", "-jar", str(junit)]
    command += ["execute", "--fail-if-no-tests", "--scan-classpath", str(tmp_path), "--disable-banner"]
    command += ["--class-path", ":".join(map(str, (*jars(), tmp_path))), "--details", "summary"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_jar_is_the_same_each_time(tmp_path: Path) -> None:
    once, twice = (build.build(tmp_path / name)[0].read_bytes() for name in ("once", "twice"))
    assert once == twice
    with zipfile.ZipFile(tmp_path / "once" / "core.jar") as packed:
        entries = packed.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.filename.rpartition("/")[0] for entry in entries} == {"org/mobilebench/core", "META-INF/proguard"}


def test_the_core_uses_nothing_that_android_lacks() -> None:
    """Its language level is checked by the compiler; these are classes that only one of the two has."""
    with zipfile.ZipFile(jars()[0]) as packed:
        for entry in packed.infolist():
            if not entry.filename.endswith(".class"):
                continue
            code = packed.read(entry)
            assert int.from_bytes(code[6:8], "big") == 52, "the class files of Java 8"
            assert not [name for name in (*ANDROID_LACKS, "android/") if b"L" + name.encode() in code], entry.filename


def test_sources_that_do_not_compile_are_refused_with_the_compilers_words(tmp_path: Path) -> None:
    source = tmp_path / "Wrong.java"
    source.write_text('final class Wrong { int x = "no"; }\n')
    with pytest.raises(BadInput, match="incompatible types"):
        build.compile_into(tmp_path / "out", [source], [])


def test_without_a_compiler_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput) as refused:
        build.compile_into(tmp_path, [], [])
    assert "apt-get install" in (refused.value.hint or "")
