"""The APK that mobilebench ships: its signature, manifest, libraries and size, and that it can be built again."""

from __future__ import annotations

import io
import re
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from apk_runner.packing import apk, engine_libraries, key, zips
from apk_runner.packing.facts import LIBRARY, SOURCES, core, facts, runner_library
from apk_runner.packing.facts import apk as shipped_apk
from mobilebench import __version__
from mobilebench.core.errors import BadInput
from mobilebench.engines.libraries import cached, pins

pytestmark = [pytest.mark.build, pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]

LARGEST = 300_000
LARGEST_WITH_TFLITE = 7_000_000
PAGE = 16384
PERMISSIONS = [
    "android.permission.FOREGROUND_SERVICE",
    "android.permission.FOREGROUND_SERVICE_SPECIAL_USE",
    "android.permission.POST_NOTIFICATIONS",
]
MAGIC = b"APK Sig Block 42"


@pytest.fixture(scope="module")
def shipped() -> Path:
    assert shipped_apk().is_file(), "run `make apk` first"
    return shipped_apk()


def printed(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def without_signature(file: Path) -> tuple[bytes, bytes, bytes]:
    """The entries, the signing block and the central directory of an APK."""
    whole = file.read_bytes()
    end = whole.rindex(b"PK\x05\x06")
    size, directory = struct.unpack_from("<II", whole, end + 12)
    assert whole[directory - 16 : directory] == MAGIC
    (block,) = struct.unpack_from("<Q", whole, directory - 24)
    start = directory - block - 8
    return whole[:start], whole[start:directory], whole[directory : directory + size]


def libraries(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as packed:
        return {name: packed.read(name) for name in packed.namelist() if name.endswith(".so")}


def test_its_signature_is_valid_for_every_android_it_runs_on(shipped: Path) -> None:
    lines = printed("apksigner", "verify", "--verbose", "--min-sdk-version", str(facts().min_sdk), shipped).splitlines()
    assert "Verifies" in lines
    assert "Verified using v2 scheme (APK Signature Scheme v2): true" in lines
    assert "Verified using v3 scheme (APK Signature Scheme v3): true" in lines
    assert not [line for line in lines if line.startswith("WARNING")]


def test_a_changed_apk_is_refused(shipped: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.apk"
    whole = bytearray(shipped.read_bytes())
    whole[100] ^= 1
    changed.write_bytes(whole)
    ended = subprocess.run(["apksigner", "verify", changed], capture_output=True, check=False)
    assert ended.returncode != 0


def test_it_is_aligned(shipped: Path) -> None:
    assert "Verification successful" in printed("zipalign", "-c", "-v", "-p", "4", shipped)
    assert zips.misaligned(shipped, PAGE) == []


def test_its_libraries_are_unpacked_when_it_is_installed(shipped: Path) -> None:
    stored = {entry.name for entry in zips.entries(shipped) if entry.is_stored}
    assert not [name for name in stored if name.endswith(".so")], "extractNativeLibs is true, so they are compressed"


def test_its_libraries_are_the_runners_and_run_on_phones_with_large_pages(shipped: Path) -> None:
    held = libraries(shipped)
    assert held == {f"lib/{abi}/{LIBRARY}": runner_library(f"android-{abi}").read_bytes() for abi in facts().abis}
    for name, content in held.items():
        loads = [part for part in ELFFile(io.BytesIO(content)).iter_segments() if part.header.p_type == "PT_LOAD"]
        assert loads
        assert all(part.header.p_align % PAGE == 0 for part in loads), name


def test_its_libraries_keep_nothing_of_the_folder_in_which_they_were_built(shipped: Path) -> None:
    """A search path that was removed after linking leaves zeros as long as the folder's name."""
    for name, content in libraries(shipped).items():
        strings = ELFFile(io.BytesIO(content)).get_section_by_name(".dynstr").data()
        assert b"\0\0" not in strings, name


def test_it_says_what_it_is(shipped: Path) -> None:
    badging = printed("aapt", "dump", "badging", shipped)
    package = re.search(r"package: name='(.*?)' versionCode='(.*?)' versionName='(.*?)'", badging)
    assert package
    assert package.groups() == ("org.mobilebench.app", str(facts().version_code), __version__)
    assert "sdkVersion:'26'" in badging.splitlines()
    assert "targetSdkVersion:'35'" in badging.splitlines()
    assert "application-debuggable" in badging.splitlines()
    assert sorted(re.findall(r"uses-permission: name='(.*?)'", badging)) == PERMISSIONS
    native = re.search(r"native-code: (.*)", badging)
    assert native
    assert native[1].replace("'", "").split() == ["arm64-v8a", "armeabi-v7a", "x86_64"]


def test_its_manifest_holds_what_android_needs_to_know(shipped: Path) -> None:
    tree = printed("aapt", "dump", "xmltree", shipped, "AndroidManifest.xml")
    assert re.findall(r'E: uses-native-library .*\n\s+A: android:name\(\w+\)="(.*?)"', tree) == [
        "libOpenCL.so",
        "libOpenCL-car.so",
        "libOpenCL-pixel.so",
    ]
    assert len(re.findall(r"android:required\(\w+\)=\(type 0x12\)0x0", tree)) == 3
    assert re.findall(r"android:exported\(\w+\)=\(type 0x12\)(\w+)", tree) == ["0x0", "0x0"]
    assert re.findall(r"android:foregroundServiceType\(\w+\)=\(type 0x11\)(\w+)", tree) == ["0x40000000"]
    assert "android.app.PROPERTY_SPECIAL_USE_FGS_SUBTYPE" in tree
    assert re.search(r'E: instrumentation(.*\n)+.*"org.mobilebench.app.RunnerInstrumentation"', tree)
    assert not re.search(r"E: (receiver|provider|activity-alias)", tree)


def test_it_is_small(shipped: Path) -> None:
    assert shipped.stat().st_size <= LARGEST


def test_two_builds_differ_in_their_signatures_alone(shipped: Path, tmp_path: Path) -> None:
    elsewhere, other_key, again = tmp_path / "a" / "src", tmp_path / "other.p12", tmp_path / "again.apk"
    shutil.copytree(SOURCES, elsewhere)
    runners = {abi: tmp_path / f"{abi}.so" for abi in reversed(facts().abis)}
    for abi, library in runners.items():
        shutil.copy(runner_library(f"android-{abi}"), library)
    key.make(other_key)
    plan = apk.Plan(tuple(runners), sources=elsewhere, runners=runners, key=other_key)
    apk.build(plan, again)
    entries, signature, directory = without_signature(shipped)
    other_entries, other_signature, other_directory = without_signature(again)
    assert other_entries == entries
    assert other_directory == directory
    assert other_signature != signature


def test_a_change_of_a_source_changes_the_apk(shipped: Path, tmp_path: Path) -> None:
    changed = tmp_path / "src"
    shutil.copytree(SOURCES, changed)
    file = changed / "org" / "mobilebench" / "app" / "RunnerService.java"
    file.write_text(file.read_text().replace("A measurement is running", "Something else is running"))
    apk.build(apk.Plan(facts().abis, sources=changed), tmp_path / "changed.apk")
    assert without_signature(tmp_path / "changed.apk")[0] != without_signature(shipped)[0]


def test_the_key_is_made_once_and_is_not_for_others_to_read() -> None:
    store = key.obtain()
    before = store.read_bytes()
    assert key.obtain().read_bytes() == before
    assert store.stat().st_mode & 0o077 == 0


def test_with_tflite_it_carries_the_pinned_libraries_and_their_licences(tmp_path: Path) -> None:
    target = tmp_path / "tflite.apk"
    apk.build(apk.Plan(("arm64-v8a",), ("tflite",)), target)
    assert target.stat().st_size <= LARGEST_WITH_TFLITE
    held = libraries(target)
    for choice in pins.lock().engines["tflite"]["android-arm64-v8a"]:
        for member in filter(None, (choice.core, choice.delegate)):
            library = cached.obtain(pins.pinned("tflite", "android-arm64-v8a", member)).path
            assert held[f"lib/arm64-v8a/{library.name}"] == library.read_bytes()
    with zipfile.ZipFile(target) as packed:
        notices = packed.read(engine_libraries.NOTICES).decode()
    assert "org.tensorflow:tensorflow-lite-gpu:2.16.1:aar (Apache-2.0), with Abseil (Apache-2.0)" in notices
    assert "Verifies" in printed("apksigner", "verify", "--verbose", target)


def test_a_core_or_a_runner_that_is_not_built_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no core at .*nothing\.jar") as caught:
        apk.build(apk.Plan(("x86_64",), core=tmp_path / "nothing.jar"), tmp_path / "x.apk")
    assert caught.value.hint == "Run `make app-core`."
    with pytest.raises(BadInput, match=r"There is no .*nothing\.so"):
        apk.build(apk.Plan(("x86_64",), runners={"x86_64": tmp_path / "nothing.so"}), tmp_path / "x.apk")
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_does_not_compile_is_said_in_the_compilers_words(tmp_path: Path) -> None:
    source = tmp_path / "src" / "Wrong.java"
    source.parent.mkdir()
    source.write_text("class Wrong { int x = true; }\n")
    with pytest.raises(BadInput, match="boolean cannot be converted to int"):
        apk.build(apk.Plan(("x86_64",), sources=source.parent), tmp_path / "x.apk")


def test_the_core_holds_no_class_of_android() -> None:
    with zipfile.ZipFile(core()) as packed:
        for name in packed.namelist():
            assert b"android/" not in packed.read(name), name
