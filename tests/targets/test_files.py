"""Files are pushed once and verified, and no partial file stays behind."""

from __future__ import annotations

import hashlib

import pytest

from mobilebench.core.errors import BadInput, BlockFailed, Unsupported
from mobilebench.targets.android.files import NoSpace, PhoneFiles, free_mb
from mobilebench.targets.base import TargetPath
from tests.pinning import Pinned
from tests.targets.fakes import FakeFiles, FakeShell, failed

CONTENT = b"a model"
SHA = hashlib.sha256(CONTENT).hexdigest()
FINAL = f"/data/local/tmp/mobilebench/files/{SHA}/model.bin"
CHECK = f"if [ -f {FINAL} ]; then sha256sum {FINAL} && chmod 644 {FINAL}; fi"
VERIFY = (
    f's=$(sha256sum {FINAL}.part) || exit; case "$s" in {SHA}*) chmod 644 {FINAL}.part && mv -f {FINAL}.part {FINAL};;…'
)


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "model.bin"
    file.write_bytes(CONTENT)
    return file


def test_a_new_file_is_sent_under_another_name_verified_and_then_named(model):
    files = FakeFiles()
    with FakeShell((CHECK, ""), (VERIFY, "")) as shell:
        phone = PhoneFiles(shell, files)
        pushed = phone.push(model)
        phone.settle()
    assert (pushed.path, pushed.sha256, pushed.transferred) == (TargetPath(FINAL), SHA, True)
    assert files.files == {f"{FINAL}.part": CONTENT}
    assert files.modes == {f"{FINAL}.part": 0o644}


def test_a_file_on_the_phone_is_hashed_once_and_not_sent(model):
    files = FakeFiles()
    with FakeShell((CHECK, f"{SHA}  {FINAL}\n")) as shell:
        phone = PhoneFiles(shell, files)
        assert not phone.push(model).transferred
        assert not phone.push(model).transferred
    assert files.written == []


def test_other_bytes_at_the_same_place_are_replaced(model):
    with FakeShell((CHECK, f"{'0' * 64}  {FINAL}\n"), (VERIFY, "")) as shell:
        phone = PhoneFiles(shell, FakeFiles())
        assert phone.push(model).transferred
        phone.settle()


def test_a_runner_is_executable(model):
    files = FakeFiles()
    check = CHECK.replace("chmod 644", "chmod 755")
    with FakeShell((check, ""), (VERIFY.replace("chmod 644", "chmod 755"), "")) as shell:
        phone = PhoneFiles(shell, files)
        phone.push(model, sha256=SHA, executable=True)
        phone.settle()
    assert files.modes[f"{FINAL}.part"] == 0o755


def test_a_full_disk_is_reported_with_its_free_space_and_leaves_nothing(model, pinned: Pinned):
    df = "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/dm-3 1000 900 2000 90% /data\n"
    phone_files = FakeFiles(failure=NoSpace("No space left on device"))
    script = ((CHECK, ""), (f"rm -f {FINAL}.part; rmdir …", ""), ("df -k /data/local/tmp", df))
    with FakeShell(*script) as shell, pytest.raises(BlockFailed) as caught:
        PhoneFiles(shell, phone_files).push(model)
    pinned(caught.value.message)
    pinned(caught.value.hint)


def test_a_push_that_breaks_is_cleaned_up(model):
    phone_files = FakeFiles(failure=BlockFailed("read-only file system"))
    with (
        FakeShell((CHECK, ""), (f"rm -f {FINAL}.part; …", "")) as shell,
        pytest.raises(BlockFailed, match="read-only"),
    ):
        PhoneFiles(shell, phone_files).push(model)


def test_bytes_that_changed_on_the_way_are_refused_before_they_are_used_and_sent_again(model, pinned: Pinned):
    with FakeShell((CHECK, ""), (VERIFY, failed(99)), (CHECK, ""), (VERIFY, "")) as shell:
        phone = PhoneFiles(shell, FakeFiles())
        phone.push(model)
        with pinned.raises(BlockFailed):
            phone.settle()
        assert phone.push(model).transferred
        phone.settle()


def test_a_phone_without_sha256sum_cannot_be_measured(model):
    with FakeShell((CHECK, failed(127)), (VERIFY, failed(127, "sha256sum: not found"))) as shell:
        phone = PhoneFiles(shell, FakeFiles())
        phone.push(model)
        with pytest.raises(Unsupported, match="sha256sum"):
            phone.settle()


def test_a_missing_file_and_an_invalid_sha256_are_bad_input(model, tmp_path, pinned: Pinned):
    with FakeShell() as shell:
        phone = PhoneFiles(shell, FakeFiles())
        with pinned.raises(BadInput):
            phone.push(tmp_path / "nothing")
        with pinned.raises(BadInput):
            phone.push(model, sha256="*) rm -rf /;;")


def test_names_with_blanks_and_quotes_are_quoted(tmp_path):
    file = tmp_path / "it's; reboot"
    file.write_bytes(CONTENT)
    with FakeShell(("if [ -f '/data/local/tmp/mobilebench/files/…", ""), ("s=$(sha256sum '/data…", "")) as shell:
        phone = PhoneFiles(shell, FakeFiles())
        assert str(phone.push(file).path).endswith("it's; reboot")
        phone.settle()


def test_a_pull_that_breaks_leaves_the_old_file(tmp_path):
    local = tmp_path / "out"
    local.write_bytes(b"old")
    files = FakeFiles({"/data/x": b"new"}, failure=BlockFailed("cut"))
    with FakeShell() as shell, pytest.raises(BlockFailed):
        PhoneFiles(shell, files).pull(TargetPath("/data/x"), local)
    assert local.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("df", "expected"),
    [
        ("Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/x 10 5 5000 50% /data\n", 5.12),
        ("df: /data: Permission denied\n", None),
        ("", None),
    ],
)
def test_free_space(df, expected):
    with FakeShell(("df -k /data/local/tmp", df)) as shell:
        assert free_mb(shell) == expected
