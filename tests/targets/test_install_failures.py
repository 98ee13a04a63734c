from __future__ import annotations

import pytest

from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.targets.android import install_failures

PACKAGE = "org.mobilebench.app"


def error(answer: str) -> BlockFailed | Unsupported:
    found = install_failures.error("R5", PACKAGE, answer)
    assert isinstance(found, BlockFailed | Unsupported)
    assert "R5" in found.message
    assert found.hint
    return found


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("INSTALL_FAILED_UPDATE_INCOMPATIBLE", "another signature"),
        ("INSTALL_FAILED_VERSION_DOWNGRADE", "newer version"),
        ("INSTALL_FAILED_USER_RESTRICTED", "forbids"),
        ("INSTALL_FAILED_VERIFICATION_FAILURE", "Play Protect"),
        ("INSTALL_FAILED_NO_MATCHING_ABIS", "instruction set"),
        ("INSTALL_FAILED_OLDER_SDK", "older than 8.0"),
    ],
)
def test_what_lasts_until_a_person_changes_it_is_unsupported(code: str, words: str) -> None:
    found = error(f"Failure [{code}: more words]\n")
    assert isinstance(found, Unsupported)
    assert words in found.message
    assert code in found.message


@pytest.mark.parametrize("code", ["INSTALL_FAILED_UPDATE_INCOMPATIBLE", "INSTALL_FAILED_VERSION_DOWNGRADE"])
def test_an_app_of_someone_else_is_left_to_the_person(code: str) -> None:
    assert "adb -s R5 uninstall org.mobilebench.app" in str(error(f"Failure [{code}]").hint)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("Failure [INSTALL_FAILED_INSUFFICIENT_STORAGE]", "no space"),
        ("Failure [INSTALL_FAILED_INSUFFICIENT_STORAGE: Failed to override installation location]", "no space"),
        ("Failure [INSTALL_FAILED_ABORTED: User rejected permissions]", "system dialog"),
        ("Failure [INSTALL_FAILED_VERIFICATION_TIMEOUT]", "system dialog"),
        ("Failure [INSTALL_PARSE_FAILED_NOT_APK: Failed parse]", None),
        ("Error: Failed to parse APK file: /data/local/tmp/x.apk", None),
        ("Failure [INSTALL_FAILED_INTERNAL_ERROR: try again]", None),
        ("", None),
        ("java.lang.IllegalStateException", None),
    ],
)
def test_what_may_pass_fails_the_block(answer: str, fault: str | None) -> None:
    found = error(answer)
    assert isinstance(found, BlockFailed)
    assert found.fault == fault


def test_a_truncated_app_is_built_again() -> None:
    assert "make apk" in str(error("Failure [INSTALL_PARSE_FAILED_NOT_APK]").hint)


def test_a_phone_writes_no_second_line_and_no_control_character() -> None:
    found = error("Failure [INSTALL_FAILED_SOMETHING: \x1b[31mred\nmore" + "x" * 10_000)
    assert found.message.isprintable()
    assert len(found.message) < 400


@pytest.mark.parametrize(
    ("answer", "is_success"),
    [("Success\n", True), ("\tpkg: x\r\nSuccess\r\n", True), ("Failure [X]", False), ("No Success", False)],
)
def test_only_a_line_of_its_own_is_success(answer: str, is_success: bool) -> None:
    assert install_failures.installed(answer) == is_success


def test_permissions_that_adb_may_not_grant_are_recognised() -> None:
    said = "java.lang.SecurityException: You need the android.permission.INSTALL_GRANT_RUNTIME_PERMISSIONS permission"
    assert install_failures.grants_are_refused(said)
    assert not install_failures.grants_are_refused("Success")
