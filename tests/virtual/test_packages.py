"""The package manager: what is installed, replaced, refused and removed, in the words of each Android version."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mobilebench.virtual.android import app_data, packages
from mobilebench.virtual.android.device import CommandOutput, Device
from mobilebench.virtual.device_identity import abi
from mobilebench.virtual.state import with_value
from tests.virtual.making_apks import Made
from tests.virtual.test_commands import ask, make_device

PACKAGE = "org.mobilebench.app"
PUSHED = "/data/local/tmp/app.apk"


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return phone(tmp_path)


def phone(folder: Path, android: int = 14) -> Device:
    device = make_device(folder / f"android-{android}", android=android)
    Path(device.config.path("/data/local/tmp")).mkdir(parents=True)
    return device


def install(device: Device, made: Made | bytes, *options: str) -> CommandOutput:
    content = made if isinstance(made, bytes) else made.content()
    Path(device.config.path(PUSHED)).write_bytes(content)
    return ask(device, "pm", "install", *options, PUSHED)


def listed(device: Device, *words: str) -> list[str]:
    return ask(device, "pm", "list", "packages", *words).stdout.split()


def test_an_app_is_installed_read_and_removed(device: Device) -> None:
    made = Made(version_code=3, abis=(abi(),))
    assert install(device, made, "-t", "-g", "-r") == CommandOutput("Success\n")
    assert listed(device, PACKAGE) == listed(device, "-3") == [f"package:{PACKAGE}"]
    assert f"package:{PACKAGE}" not in listed(device, "-s")
    path = ask(device, "pm", "path", PACKAGE).stdout.removeprefix("package:").strip()
    installed = Path(device.config.path(path))
    assert hashlib.sha256(installed.read_bytes()).digest() == hashlib.sha256(made.content()).digest()
    report = ask(device, "dumpsys", "package", PACKAGE).stdout
    for part in (
        "versionCode=3 minSdk=24 targetSdk=35",
        "versionName=0.1",
        "DEBUGGABLE",
        "POST_NOTIFICATIONS: granted=true",
    ):
        assert part in report
    assert hashlib.sha256(b"a certificate").hexdigest()[:7] in report
    assert ask(device, "cmd", "package", "uninstall", PACKAGE).stdout == "Success\n"
    assert not installed.parent.parent.exists()
    assert not Path(device.config.path(app_data.seen(PACKAGE))).exists()
    assert listed(device, PACKAGE) == []
    assert ask(device, "pm", "path", PACKAGE) == CommandOutput(code=1)
    assert ask(device, "pm", "uninstall", PACKAGE) == CommandOutput("Failure [DELETE_FAILED_INTERNAL_ERROR]\n", code=1)
    assert ask(device, "dumpsys", "package", PACKAGE).stdout == f"Unable to find package: {PACKAGE}\n"


def test_the_phone_s_own_packages_stay_as_they_are(device: Device) -> None:
    before = listed(device)
    install(device, Made())
    assert listed(device) == [*before, f"package:{PACKAGE}"]
    ask(device, "pm", "uninstall", PACKAGE)
    assert listed(device) == before


@pytest.mark.parametrize(
    ("android", "path"),
    [
        (7, f"/data/app/{PACKAGE}-1/base.apk"),
        (8, f"/data/app/{PACKAGE}-"),
        (10, f"/data/app/{PACKAGE}-"),
        (11, "/data/app/~~"),
    ],
)
def test_an_app_lies_where_each_version_puts_it(tmp_path: Path, android: int, path: str) -> None:
    device = phone(tmp_path, android)
    install(device, Made())
    assert ask(device, "pm", "path", PACKAGE).stdout.startswith(f"package:{path}")


@pytest.mark.parametrize("android", [7, 14])
def test_a_replaced_app_keeps_its_files_and_its_user(tmp_path: Path, android: int) -> None:
    device = phone(tmp_path, android)
    install(device, Made())
    before = packages.load(device.config)[PACKAGE]
    kept = Path(device.config.path(app_data.seen(PACKAGE)), "kept")
    kept.write_text("a model")
    assert install(device, Made(version_code=2), "-r").stdout == "Success\n"
    after = packages.load(device.config)[PACKAGE]
    assert (after.version_code, after.user, kept.read_text()) == (2, before.user, "a model")
    assert after.file != before.file
    assert not Path(device.config.path(before.file)).exists()
    assert Path(device.config.path(after.file)).is_file()


def test_the_list_is_read_again_after_a_boot(device: Device) -> None:
    install(device, Made())
    assert packages.load(phone_again(device).config) == packages.load(device.config)


def phone_again(device: Device) -> Device:
    return Device(device.files, device.chrome, device.firefox)


OLD = Made(version_code=5)


SESSION = "/data/app/vmdl1000000001.tmp/base.apk"
NEWER = "Requires newer sdk version #40 (current version is #34)"
NO_BLOCK = f"No signature found in package of version 2 or newer for package {PACKAGE}"
OTHER_SIGNER = f"Package {PACKAGE} signatures do not match previously installed version; ignoring!"
BACK = "Downgrade detected: Update version code 4 is older than current 5"


@pytest.mark.parametrize(
    ("android", "before", "made", "code", "words"),
    [
        (14, None, Made(min_sdk=40), "OLDER_SDK", f"Failed parse during installPackageLI: {NEWER}"),
        (14, None, Made(test_only=True), "TEST_ONLY", "Failed to install test-only apk. Did you forget to add -t?"),
        (10, None, Made(test_only=True), "TEST_ONLY", "installPackageLI"),
        (14, None, Made(abis=("mips",)), "NO_MATCHING_ABIS", "Failed to extract native libraries, res=-113"),
        (14, OLD, Made(certificate=b"other", version_code=9), "UPDATE_INCOMPATIBLE", OTHER_SIGNER),
        (14, OLD, Made(version_code=4), "VERSION_DOWNGRADE", BACK),
        (9, OLD, OLD, "ALREADY_EXISTS", f"Attempt to re-install {PACKAGE} without first uninstalling."),
    ],
)
def test_apps_that_are_refused(
    tmp_path: Path, android: int, before: Made | None, made: Made, code: str, words: str
) -> None:
    device = phone(tmp_path, android)
    if before is not None:
        assert install(device, before).stdout == "Success\n"
    installed = packages.load(device.config)
    assert install(device, made) == CommandOutput(f"Failure [INSTALL_FAILED_{code}: {words}]\n", code=1)
    assert packages.load(device.config) == installed
    files = {Path(device.config.path(app.file)) for app in installed.values()}
    assert set(Path(device.config.path("/data")).rglob("base.apk")) == files


def test_an_older_android_says_no_more_about_an_older_version(tmp_path: Path) -> None:
    device = phone(tmp_path, 9)
    install(device, OLD)
    answer = install(device, Made(version_code=4), "-r")
    assert answer == CommandOutput("Failure [INSTALL_FAILED_VERSION_DOWNGRADE]\n", code=1)


@pytest.mark.parametrize(
    ("android", "files", "words"),
    [
        (14, (), f"Failed to collect certificates from {SESSION}: Attempt to get length of null array"),
        (8, (), f"Package {SESSION} has no certificates at entry AndroidManifest.xml"),
        (14, ("META-INF/A.RSA",), NO_BLOCK),
    ],
)
def test_an_app_without_a_certificate(tmp_path: Path, android: int, files: tuple[str, ...], words: str) -> None:
    made = Made(certificate=None, extra=dict.fromkeys(files, b""))
    answer = install(phone(tmp_path, android), made)
    assert answer == CommandOutput(f"Failure [INSTALL_PARSE_FAILED_NO_CERTIFICATES: {words}]\n", code=1)


def test_what_options_allow(device: Device) -> None:
    assert install(device, Made(test_only=True, version_code=5), "-t").stdout == "Success\n"
    assert install(device, Made(version_code=4), "-d").stdout == "Success\n"
    assert "granted=false" in ask(device, "dumpsys", "package", PACKAGE).stdout
    assert install(device, Made(version_code=4), "-g").stdout == "Success\n"
    assert "granted=false" not in ask(device, "dumpsys", "package", PACKAGE).stdout


def test_going_back_needs_an_app_that_can_be_debugged(device: Device) -> None:
    install(device, Made(debuggable=False, version_code=5))
    assert "VERSION_DOWNGRADE" in install(device, Made(version_code=4), "-d").stdout


@pytest.mark.parametrize(
    ("android", "code", "stderr"),
    [
        (7, 1, "Error: Failed to parse APK file: android.content.pm.PackageParser$PackageParserException: Failed to"
         f" parse {PUSHED}\n"),
        (9, 255, f"Error: Failed to parse APK file: {PUSHED}\n\nException occurred while executing:\n"
         f"java.lang.IllegalArgumentException: Error: Failed to parse APK file: {PUSHED}\n"),
        (14, 255, f"Error: Failed to parse APK file: {PUSHED}\n\nException occurred while executing 'install':\n"
         f"java.lang.IllegalArgumentException: Error: Failed to parse APK file: {PUSHED}: Failed to parse {PUSHED}\n"),
    ],
)  # fmt: skip
def test_a_truncated_apk(tmp_path: Path, android: int, code: int, stderr: str) -> None:
    device = phone(tmp_path, android)
    assert install(device, Made().content()[:300]) == CommandOutput(stderr=stderr, code=code)


def test_a_truncated_apk_by_standard_input(device: Device, tmp_path: Path) -> None:
    file = tmp_path / "streamed"
    file.write_bytes(b"PK")
    answer = ask(device, "cmd", "package", "install", "-S", "2", str(file))
    words = "INSTALL_PARSE_FAILED_NOT_APK: Failed to parse /data/app/vmdl1000000001.tmp/base.apk"
    assert answer == CommandOutput(f"Failure [{words}]\n", code=1)


def test_no_file_no_path_and_an_unknown_option(device: Device) -> None:
    assert (
        "Error: Can't open file: /data/local/tmp/none.apk"
        in ask(device, "pm", "install", "/data/local/tmp/none.apk").stderr
    )
    assert ask(device, "pm", "install", "-r").stdout == "Error: must either specify a package size or an APK file\n"
    assert "Unknown option --what" in ask(device, "pm", "install", "--what", PUSHED).stderr


def test_a_full_storage_refuses_and_leaves_nothing(tmp_path: Path) -> None:
    device = phone(tmp_path)
    Path(device.config.path(PUSHED)).write_bytes(Made().content())
    with pytest.raises(packages.NotInstalled, match="INSTALL_FAILED_INSUFFICIENT_STORAGE"):
        packages.install(device.config, Path(device.config.path(PUSHED)), packages.Options(), "now", room=1000)
    assert packages.load(device.config) == {}
    assert not Path(device.config.path("/data/app")).exists()


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("restricted", "INSTALL_FAILED_USER_RESTRICTED"),
        ("full", "INSTALL_FAILED_INSUFFICIENT_STORAGE"),
        ("unverified", "INSTALL_FAILED_VERIFICATION_FAILURE"),
    ],
)
def test_an_installer_that_refuses(device: Device, how: str, code: str) -> None:
    device.files.change(lambda state: with_value(state, "services.installer", how))
    assert install(device, Made()).stdout.startswith(f"Failure [{code}: ")
    ask(device, "settings", "put", "global", "verifier_verify_adb_installs", "0")
    assert (install(device, Made()).stdout == "Success\n") == (how == "unverified")


def test_a_broken_list_is_an_empty_one(device: Device) -> None:
    install(device, Made())
    for text in ("", "{", "[1]", '[{"package": "a"}]', '{"a": 1}'):
        Path(device.config.path("/data/system/packages.json")).write_text(text)
        assert packages.load(device.config) == {}


def test_cleared_data(device: Device) -> None:
    install(device, Made())
    kept = Path(device.config.path(app_data.seen(PACKAGE)), "kept")
    kept.write_text("a model")
    assert ask(device, "pm", "clear", PACKAGE).stdout == "Success\n"
    assert kept.parent.is_dir() and not kept.exists()


def test_instrumentations_are_listed(device: Device) -> None:
    install(device, Made())
    expected = f"instrumentation:{PACKAGE}/.RunnerInstrumentation (target={PACKAGE})\n"
    assert ask(device, "pm", "list", "instrumentation").stdout == expected
