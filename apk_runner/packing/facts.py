"""What the app is: `gradle.properties`, which Gradle reads too, and the folders of its sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mobilebench.core import paths

ROOT = Path(__file__).resolve().parents[1]
"""`apk_runner/`."""

MANIFEST = ROOT / "app" / "AndroidManifest.xml"
SOURCES = ROOT / "app" / "src"
TESTS = ROOT / "app" / "test"
SETTINGS = ROOT / "app" / "test-settings"
"""Settings of Robolectric, for both builds."""
LIBRARY = "libmobilebench-runner.so"


@dataclass(frozen=True)
class Facts:
    """The properties that decide what is built."""

    application: str
    version_name: str
    version_code: int
    min_sdk: int
    target_sdk: int
    abis: tuple[str, ...]
    java_release: int


def facts() -> Facts:
    """The facts that `gradle.properties` states."""
    stated = properties()
    return Facts(
        application=stated["applicationId"],
        version_name=stated["versionName"],
        version_code=int(stated["versionCode"]),
        min_sdk=int(stated["minSdk"]),
        target_sdk=int(stated["targetSdk"]),
        abis=tuple(stated["abis"].split(",")),
        java_release=int(stated["javaRelease"]),
    )


def properties() -> dict[str, str]:
    """The names and values in `gradle.properties`."""
    lines = (ROOT / "gradle.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def assets() -> Path:
    """The folder of the app's files that mobilebench ships."""
    return paths.PACKAGE / "assets" / "app"


def apk() -> Path:
    """The APK that mobilebench installs on phones."""
    return assets() / "mobilebench.apk"


def core() -> Path:
    """The classes of the core."""
    return assets() / "core.jar"


def runner_library(build: str) -> Path:
    """The native runner as a library, for `android-ABI` or this computer."""
    return paths.runner(build).with_name(LIBRARY)
