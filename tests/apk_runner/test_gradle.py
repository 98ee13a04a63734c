"""Android Studio builds the app that `make apk` builds: the same sources, manifest, versions and native runner."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from apk_runner import archives
from apk_runner.core import build as core_build
from apk_runner.packing.engine_libraries import ORT_ARCHIVE
from apk_runner.packing.facts import (
    LIBRARY,
    MANIFEST,
    ROOT,
    SETTINGS,
    SOURCES,
    TESTS,
    facts,
    properties,
    runner_library,
)
from mobilebench import __version__
from mobilebench.engines.libraries import pins

APP = ROOT / "app"
ANDROID = "{http://schemas.android.com/apk/res/android}"


def script(name: str) -> str:
    """A Gradle file without comments."""
    return re.sub(r"^\s*//.*$", "", (ROOT / name).read_text(), flags=re.MULTILINE)


def block(text: str, name: str) -> str:
    """What is between the braces of the first block of this name."""
    start = re.search(rf"\b{name} \{{", text)
    assert start, name
    depth, place = 1, start.end()
    while depth:
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        place += 1
    return text[start.end() : place - 1]


def folders(text: str, name: str) -> list[str]:
    found = re.findall(rf"\b{name}\.srcDirs = \[(.*?)\]", text)
    return [word.strip().strip("'") for each in found for word in each.split(",") if word.strip()]


def test_both_build_the_same_folders() -> None:
    sets = block(script("app/build.gradle"), "sourceSets")
    main, test = block(sets, "main"), block(sets, "test")
    assert [APP / folder for folder in folders(main, "java")] == [SOURCES]
    assert [APP / folder for folder in folders(test, "java")] == [TESTS]
    assert [APP / folder for folder in folders(test, "resources")] == [SETTINGS]
    assert re.findall(r"manifest\.srcFile '(.*)'", main) == [str(MANIFEST.relative_to(APP))]
    core = script("core/build.gradle")
    assert [ROOT / "core" / folder for folder in folders(core, "sourceSets.main.java")] == [core_build.SOURCES]
    assert all(folder.is_dir() for folder in (SOURCES, TESTS, SETTINGS, core_build.SOURCES))


def test_both_hold_the_same_modules() -> None:
    assert re.findall(r"^include (.*)$", script("settings.gradle"), re.MULTILINE) == ["':core', ':app'"]
    assert "implementation project(':core')" in block(script("app/build.gradle"), "dependencies")


def test_no_number_is_stated_twice() -> None:
    text = script("app/build.gradle")
    settings = block(text, "defaultConfig")
    for name in ("minSdk", "targetSdk", "versionCode"):
        assert re.findall(rf"\b{name} (.*)", settings) == [f"project.{name}.toInteger()"]
    for name in ("applicationId", "versionName"):
        assert re.findall(rf"\b{name} (.*)", settings) == [f"project.{name}"]
    assert re.findall(r"abiFilters\.addAll\((.*)\) \}", settings) == ["abis.split(',')"]
    assert "namespace applicationId\n" in text
    assert "compileSdk targetSdk.toInteger()\n" in text
    for gradle in (text, script("core/build.gradle")):
        assert gradle.count("JavaVersion.toVersion(javaRelease)") == 2
        assert not re.findall(r'"[\w.-]+:[\w.-]+:[\d.]+"', gradle), "versions come from gradle.properties"


def test_every_property_is_used() -> None:
    text = "".join(script(name) for name in ("app/build.gradle", "core/build.gradle"))
    for name in properties():
        assert name.startswith("android.") or re.search(rf"\b{name}\b", text), name


def test_the_manifest_repeats_nothing_that_the_properties_state() -> None:
    manifest = ElementTree.parse(MANIFEST).getroot()
    assert not manifest.attrib
    assert manifest.find("uses-sdk") is None
    names = [element.get(f"{ANDROID}name", "") for element in manifest.iter() if element.tag in ("activity", "service")]
    assert all(name.startswith(f"{facts().application}.") for name in names)
    instrumentation = manifest.find("instrumentation")
    assert instrumentation is not None
    assert instrumentation.get(f"{ANDROID}targetPackage") == facts().application
    for name in names:
        assert (SOURCES / (name.replace(".", "/") + ".java")).is_file()


def test_libraries_are_compressed_in_both() -> None:
    application = ElementTree.parse(MANIFEST).getroot().find("application")
    assert application is not None
    assert application.get(f"{ANDROID}extractNativeLibs") == "true"
    assert "jniLibs { useLegacyPackaging true }" in script("app/build.gradle")


@pytest.mark.parametrize("abi", facts().abis)
def test_gradle_takes_the_same_native_runner(abi: str) -> None:
    text = script("app/build.gradle")
    place = re.search(r'from\("\$assets/(.*)\$abi"\)', text)
    base = re.search(r"def assets = file\('(.*)'\)", text)
    assert place
    assert base
    folder = (APP / base[1] / (place[1] + abi)).resolve()
    assert folder == runner_library(f"android-{abi}").parent.resolve()
    assert f"include '{LIBRARY}'" in text


def test_versions_are_those_of_the_lock_files() -> None:
    stated = properties()
    locked = [archive.maven for archive in archives.lock()["robolectric"]]
    assert f"junit:junit:{stated['junitVersion']}:jar" in locked
    assert f"org.robolectric:robolectric:{stated['robolectricVersion']}:jar" in locked
    (json,), (ort,) = archives.lock()["json"], archives.lock()["onnxruntime"]
    assert json.maven == f"org.json:json:{stated['jsonVersion']}:jar"
    assert ort.maven == f"com.microsoft.onnxruntime:onnxruntime:{stated['ortVersion']}:jar"
    assert pins.lock().archives[ORT_ARCHIVE].version == stated["ortVersion"]
    assert stated["javaRelease"] == core_build.RELEASE
    assert stated["versionName"] == __version__


def test_robolectric_runs_the_android_that_the_app_is_for() -> None:
    (android,) = archives.lock()["android"]
    assert android.maven.split(":")[2].split("-")[0] == "15", "Android 15 is API 35"
    assert f"sdk={facts().target_sdk}\n" in (SETTINGS / "robolectric.properties").read_text()


def test_nothing_lies_beside_the_sources_unseen() -> None:
    seen = {SOURCES, TESTS, core_build.SOURCES}
    java = [path for path in ROOT.rglob("*.java") if "build" not in path.relative_to(ROOT).parts]
    unseen = [path for path in java if not any(path.is_relative_to(folder) for folder in seen)]
    assert [path for path in unseen if not path.is_relative_to(ROOT / "core" / "tests")] == []


def test_the_files_are_where_android_studio_looks() -> None:
    for name in ("settings.gradle", "build.gradle", "gradle.properties", "app/build.gradle", "core/build.gradle"):
        assert Path(ROOT / name).is_file()
