"""Builds the app's Java core with `javac` alone: `core.jar`, and beside it `json.jar`, in mobilebench/assets/app.

A jar depends on its sources and on the compiler alone: its entries are sorted and bear no time. It also holds
rules.pro, where R8 finds it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from apk_runner import archives
from mobilebench.core.errors import BadInput, MobilebenchError

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "src"
ASSETS = HERE.parents[1] / "mobilebench" / "assets" / "app"
RELEASE = "8"
"""The level of the Java language and its library that every supported Android has."""
_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a jar can state."""
_JDK_HINT = "Install a JDK of version 11 or newer (`apt-get install openjdk-17-jdk-headless`)."


def compile_into(folder: Path, sources: Iterable[Path], classpath: Sequence[Path]) -> None:
    """Compile Java sources of the core's language level; every warning is an error.

    Raises:
        BadInput: there is no JDK, or the sources do not compile.
    """
    if shutil.which("javac") is None:
        raise BadInput("There is no Java compiler (`javac`) here.", hint=_JDK_HINT)
    options = ["--release", RELEASE, "-encoding", "UTF-8", "-proc:none", "-g:source,lines"]
    options += ["-Xlint:all,-options,-serial", "-Werror"]
    files = [str(path) for path in sorted(sources)]
    command = ["javac", *options, "-classpath", ":".join(map(str, classpath)), "-d", str(folder), *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BadInput(f"The Java sources do not compile:\n{done.stdout}{done.stderr}".rstrip())


def pack(folder: Path, target: Path) -> None:
    """Pack all files of a folder into a jar that says nothing of when and where it was made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _NO_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                packed.writestr(entry, path.read_bytes())
    part.replace(target)


def build(assets: Path = ASSETS) -> list[Path]:
    """Build `core.jar` and put `json.jar` beside it. Returns both.

    Raises:
        MobilebenchError: there is no compiler, an archive cannot be had, or the sources do not compile.
    """
    json, ort = archives.obtain("json", "onnxruntime")
    with tempfile.TemporaryDirectory() as classes:
        compile_into(Path(classes), SOURCES.rglob("*.java"), [json, ort])
        kept = Path(classes) / "META-INF" / "proguard" / "core.pro"
        kept.parent.mkdir(parents=True)
        shutil.copyfile(HERE / "rules.pro", kept)
        pack(Path(classes), assets / "core.jar")
    part = assets / "json.part"
    shutil.copyfile(json, part)
    part.replace(assets / "json.jar")
    return [assets / "core.jar", assets / "json.jar"]


def main() -> int:
    """Build, and say what is wrong where that fails."""
    try:
        build()
    except MobilebenchError as error:
        sys.stderr.write(f"{error.text_with_hint}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
