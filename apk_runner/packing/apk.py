"""The steps from the sources to a signed APK. Two builds of the same sources differ only in their signatures."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apk_runner import archives
from apk_runner.packing import binary_manifest, engine_libraries, key, zips
from apk_runner.packing.facts import LIBRARY, MANIFEST, SOURCES, Facts, core, facts, runner_library
from apk_runner.packing.tools import jdk, run
from mobilebench.core.errors import BadInput

FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
"""Android's own resources, of the Debian package `android-framework-res`, for the numbers of attributes."""


@dataclass(frozen=True)
class Plan:
    """What to put into an APK."""

    abis: tuple[str, ...]
    engines: tuple[str, ...] = ()
    sources: Path = SOURCES
    manifest: Path = MANIFEST
    core: Path = field(default_factory=core)
    runners: Mapping[str, Path] = field(default_factory=dict)
    """ABI to the runner's library, where it is not the one that mobilebench ships."""
    key: Path | None = None
    """The key store that signs it; None for this computer's own."""


def build(plan: Plan, target: Path) -> None:
    """Build, sign and write an APK.

    Raises:
        Unsupported: a tool or an archive is missing.
        BadInput: a tool refused its input, or the core or the runner was not built yet.
    """
    stated = facts()
    if not plan.core.is_file():
        raise BadInput(f"There is no core at {plan.core}.", hint="Run `make app-core`.")
    runners = {f"lib/{abi}/{LIBRARY}": _built(_library(plan, abi)) for abi in plan.abis}
    carried = engine_libraries.carried(plan.engines, plan.abis)
    with tempfile.TemporaryDirectory(prefix="mobilebench-apk-") as room:
        folder = Path(room)
        inputs = [*_compiled(plan, stated, folder), *_written(carried.classes, folder)]
        files = {
            **_dexed(inputs, stated, folder),
            **carried.files,
            **runners,
            "AndroidManifest.xml": _compiled_manifest(plan, stated, folder),
        }
        unaligned, aligned, signed = (folder / f"{name}.apk" for name in ("unaligned", "aligned", "signed"))
        zips.write(unaligned, files)
        run("zipalign", "-f", "-p", "4", unaligned, aligned)
        _sign(aligned, signed, plan.key or key.obtain(), stated)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.part")
        beside.write_bytes(signed.read_bytes())
        beside.replace(target)


def compile_java(sources: Iterable[Path], classpath: Iterable[Path], release: int, target: Path) -> None:
    """Compile Java sources into a folder; a warning is an error."""
    target.mkdir()
    run(
        *("javac", "--release", str(release), "-encoding", "UTF-8", "-proc:none"),
        *("-Xlint:all,-options,-classfile,-processing", "-Werror"),
        *("-classpath", ":".join(map(str, classpath)), "-d", str(target)),
        *sorted(sources),
    )


def _compiled(plan: Plan, stated: Facts, folder: Path) -> list[Path]:
    """The app's class files, and the core's archive."""
    classes = folder / "classes"
    compile_java(plan.sources.rglob("*.java"), [*archives.obtain("android"), plan.core], stated.java_release, classes)
    return [*sorted(classes.rglob("*.class")), plan.core]


def _written(parts: Iterable[bytes], folder: Path) -> list[Path]:
    written = []
    for number, part in enumerate(parts):
        file = folder / f"engine-{number}.jar"
        file.write_bytes(part)
        written.append(file)
    return written


def _dexed(inputs: list[Path], stated: Facts, folder: Path) -> dict[str, bytes]:
    dex = folder / "dex"
    dex.mkdir()
    (r8,) = archives.obtain("d8")
    (android,) = archives.obtain("android")
    run(
        *("java", "-cp", str(r8), "com.android.tools.r8.D8", "--release", "--min-api", str(stated.min_sdk)),
        *("--lib", str(android), "--lib", str(jdk()), "--output", str(dex)),
        *inputs,
    )
    return {file.name: file.read_bytes() for file in dex.glob("*.dex")}


def _compiled_manifest(plan: Plan, stated: Facts, folder: Path) -> bytes:
    """aapt 10 knows the types of foreground services up to Android 10: it is given another, which is then replaced."""
    text = plan.manifest.read_text()
    named = text.replace("<manifest ", f'<manifest package="{stated.application}" ', 1)
    known = named.replace('foregroundServiceType="specialUse"', 'foregroundServiceType="dataSync"')
    source, packed = folder / "AndroidManifest.xml", folder / "manifest.apk"
    source.write_text(known)
    run(
        *("aapt", "package", "-f", "-F", packed, "-M", source, "-I", FRAMEWORK),
        *("--min-sdk-version", str(stated.min_sdk), "--target-sdk-version", str(stated.target_sdk)),
        *("--version-code", str(stated.version_code), "--version-name", stated.version_name),
    )
    with zipfile.ZipFile(packed) as whole:
        compiled = whole.read("AndroidManifest.xml")
    return binary_manifest.with_value(
        compiled,
        binary_manifest.FOREGROUND_SERVICE_TYPE,
        binary_manifest.DATA_SYNC,
        binary_manifest.SPECIAL_USE,
    )


def _library(plan: Plan, abi: str) -> Path:
    return plan.runners.get(abi) or runner_library(f"android-{abi}")


def _built(library: Path) -> bytes:
    if not library.is_file():
        raise BadInput(f"There is no {library}.", hint="Run `make native-android`.")
    return library.read_bytes()


def _sign(unsigned: Path, target: Path, store: Path, stated: Facts) -> None:
    run(
        *("apksigner", "sign", "--ks", store, "--ks-key-alias", key.ALIAS, "--ks-pass", f"pass:{key.PASSWORD}"),
        *("--min-sdk-version", str(stated.min_sdk)),
        *("--v1-signing-enabled", "false", "--v4-signing-enabled", "false", "--out", target, unsigned),
    )
