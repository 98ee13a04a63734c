"""APKs as the phone reads them, whole and broken."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from mobilebench.core import paths
from mobilebench.virtual.android import apk
from mobilebench.virtual.android.apk import BadApk, Instrumentation
from mobilebench.virtual.android.binary_xml import MOST_DEPTH, BadXml, elements
from tests.virtual.making_apks import V3, Element, Made, binary_xml, signed


def test_the_facts_of_an_apk(tmp_path: Path) -> None:
    made = Made(version_code=7, min_sdk=26, test_only=True, abis=("x86_64", "arm64-v8a"))
    read = apk.read(made.write(tmp_path))
    assert (read.package, read.version_code, read.version_name) == ("org.mobilebench.app", 7, "0.1")
    assert (read.min_sdk, read.target_sdk, read.debuggable, read.test_only) == (26, 35, True, True)
    assert read.instrumentations == (Instrumentation("org.mobilebench.app.RunnerInstrumentation", made.package),)
    assert read.activities == ("org.mobilebench.app.RunnerActivity",)
    assert read.permissions == made.permissions
    assert read.abis == ("arm64-v8a", "x86_64")
    assert read.signer == hashlib.sha256(b"a certificate").hexdigest()


BUILT = paths.PACKAGE / "assets" / "app" / "mobilebench.apk"


@pytest.mark.skipif(not (shutil.which("aapt") and BUILT.is_file()), reason="needs aapt and the built app (make apk)")
def test_the_built_app_is_read_as_aapt_reads_it() -> None:
    read = apk.read(BUILT)
    badging = subprocess.run(["aapt", "dump", "badging", str(BUILT)], capture_output=True, text=True, check=True).stdout
    named = f"package: name='{read.package}' versionCode='{read.version_code}' versionName='{read.version_name}'"
    assert badging.startswith(named)
    assert f"sdkVersion:'{read.min_sdk}'" in badging and f"targetSdkVersion:'{read.target_sdk}'" in badging
    assert set(re.findall(r"^uses-permission: name='([^']+)'", badging, re.MULTILINE)) == set(read.permissions)
    (abis,) = re.findall(r"^native-code: (.*)$", badging, re.MULTILINE)
    assert set(re.findall(r"'([^']+)'", abis)) == set(read.abis)
    assert ("application-debuggable" in badging) == read.debuggable
    assert read.signer is not None
    assert [one.name for one in read.instrumentations] == [f"{read.package}.RunnerInstrumentation"]


def test_a_newer_scheme_names_the_same_signer(tmp_path: Path) -> None:
    assert apk.read(Made(scheme=V3).write(tmp_path)).signer == apk.read(Made().write(tmp_path)).signer


def test_without_a_block_there_is_no_signer(tmp_path: Path) -> None:
    read = apk.read(Made(certificate=None, extra={"META-INF/CERT.RSA": b"pkcs"}).write(tmp_path))
    assert (read.signer, read.signed_by_jar) == (None, True)


def test_texts_of_both_kinds_and_of_every_length() -> None:
    for text in ("", "a", "x" * 200, "ä" * 100):
        for utf_8 in (True, False):
            (root,) = elements(binary_xml(("manifest", {"package": text}, ()), utf_8=utf_8))
            assert (root.path, root.text("package")) == (("manifest",), text)


def test_values_keep_their_kind() -> None:
    (root,) = elements(binary_xml(("manifest", {"android:debuggable": True, "android:versionCode": -3}, ())))
    assert (root.flag("android:debuggable"), root.number("android:versionCode")) == (True, -3)
    assert (root.number("android:debuggable"), root.text("android:versionCode")) == (None, None)


def test_a_deep_tree_is_refused() -> None:
    tree: Element = ("a", {}, ())
    for _ in range(MOST_DEPTH):
        tree = ("a", {}, [tree])
    with pytest.raises(BadXml, match="too many elements"):
        list(elements(binary_xml(tree)))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "INSTALL_PARSE_FAILED_NOT_APK"),
        (b"no archive", "INSTALL_PARSE_FAILED_NOT_APK"),
        (Made().content()[:-60], "INSTALL_PARSE_FAILED_NOT_APK"),
        (Made(package="nodots").content(), "INSTALL_PARSE_FAILED_BAD_PACKAGE_NAME"),
        (Made(package="a.b/../../c").content(), "INSTALL_PARSE_FAILED_BAD_PACKAGE_NAME"),
        (Made(package="a." + "b" * 300).content(), "INSTALL_PARSE_FAILED_BAD_PACKAGE_NAME"),
    ],
)
def test_what_is_no_apk_is_named(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "bad.apk"
    file.write_bytes(content)
    with pytest.raises(BadApk) as found:
        apk.read(file)
    assert found.value.code == code


def test_every_truncated_apk_is_refused(tmp_path: Path) -> None:
    whole, file = Made().content(), tmp_path / "short.apk"
    for end in range(0, len(whole) - 1, 7):
        file.write_bytes(whole[:end])
        with pytest.raises(BadApk):
            apk.read(file)


def test_changed_bytes_never_do_more_than_refuse(tmp_path: Path) -> None:
    whole, file, rng = Made(abis=("x86_64",)).content(), tmp_path / "changed.apk", random.Random(7)
    for _ in range(300):
        changed = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(changed))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        file.write_bytes(changed)
        try:
            apk.read(file)
        except BadApk as error:
            assert error.code.startswith("INSTALL_")


def test_a_block_with_a_wrong_size_is_no_signature(tmp_path: Path) -> None:
    whole = Made().content()
    at = whole.index(b"APK Sig Block 42") - 8
    file = tmp_path / "block.apk"
    for size in (0, 23, 1 << 62, (1 << 64) - 1):
        file.write_bytes(whole[:at] + struct.pack("<Q", size) + whole[at + 8 :])
        assert apk.read(file).signer is None


def test_an_empty_certificate_is_no_signature(tmp_path: Path) -> None:
    file = tmp_path / "empty.apk"
    file.write_bytes(signed(Made(certificate=None).content(), b""))
    assert apk.read(file).signer is None
