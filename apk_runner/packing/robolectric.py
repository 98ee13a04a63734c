"""Runs the app's tests on this computer: Robolectric lets its classes run on the JVM, with Android's own classes."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apk_runner import archives
from apk_runner.packing.apk import compile_java
from apk_runner.packing.facts import MANIFEST, SETTINGS, SOURCES, TESTS, apk, core, facts

_SECONDS = 240.0

Ended = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Compiled:
    """The compiled tests, and what they run with."""

    folder: Path
    classpath: tuple[Path, ...]


def compiled(folder: Path) -> Compiled:
    """Compile the app and its tests into an empty folder, beside what Robolectric has to know of the APK.

    Raises:
        Unsupported: an archive or the compiler is missing.
        BadInput: the sources do not compile.
    """
    libraries = _unpacked(archives.obtain("robolectric"), folder)
    android = archives.obtain("android")
    app, tests, settings = folder / "app", folder / "tests", folder / "settings"
    compile_java(SOURCES.rglob("*.java"), [*android, core()], facts().java_release, app)
    compile_java(TESTS.rglob("*.java"), [app, core(), *libraries, *android], facts().java_release, tests)
    (folder / "android").mkdir()
    for archive in android:
        (folder / "android" / archive.name).symlink_to(archive)
    _write_settings(settings)
    return Compiled(folder, (settings, SETTINGS, tests, app, core(), *libraries, *android))


def run(compiled: Compiled, tests: Sequence[str], kept: Path, libraries: Path | None = None) -> Ended:
    """Run test classes in a JVM of their own.

    Args:
        compiled: what `compiled` returned.
        tests: names of classes, without their package.
        kept: the folder for the answers of jobs.
        libraries: the folder with the native runner.
    """
    properties: Mapping[str, object] = {
        "robolectric.offline": "true",
        "robolectric.usePreinstrumentedJars": "false",
        "robolectric.dependency.dir": compiled.folder / "android",
        "java.library.path": libraries or kept,
        "java.io.tmpdir": kept,
        "mobilebench.kept": kept,
        "mobilebench.version": facts().version_name,
    }
    command = ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1"]
    command += [f"-D{name}={value}" for name, value in properties.items()]
    command += ["-cp", ":".join(map(str, compiled.classpath)), "org.junit.runner.JUnitCore"]
    command += [f"{facts().application}.{name}" for name in tests]
    return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)


def _write_settings(folder: Path) -> None:
    """Where Robolectric finds the APK, whose manifest Android's parser reads."""
    (folder / "com" / "android" / "tools").mkdir(parents=True)
    (folder / "com" / "android" / "tools" / "test_config.properties").write_text(
        f"android_resource_apk={apk()}\nandroid_merged_manifest={MANIFEST}\n"
        f"android_custom_package={facts().application}\n"
    )


def _unpacked(libraries: Sequence[Path], folder: Path) -> list[Path]:
    """The libraries, with the classes of each Android archive in the place of the archive."""
    found = []
    for library in libraries:
        if library.suffix == ".aar":
            classes = folder / f"{library.stem}.jar"
            with zipfile.ZipFile(library) as packed:
                classes.write_bytes(packed.read("classes.jar"))
            found.append(classes)
        else:
            found.append(library)
    return found
