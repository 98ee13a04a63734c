"""A rack's CA: roles, permissions, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.rack import certificates
from mobilebench.rack.certificates import Wanted, find, make


def test_every_certificate_gets_a_folder_that_is_enough(ca: Path) -> None:
    for role, name in (("scheduler", "lab"), ("worker", "host-1"), ("client", "ada")):
        found = find(role, ca / f"{role}-{name}")  # type: ignore[arg-type]
        assert (found.role, found.name) == (role, name)
        assert found.key.stat().st_mode & 0o777 == 0o600
    assert (ca / "ca.key").stat().st_mode & 0o777 == 0o600
    assert not list(ca.glob("*/ca.key"))


def test_later_certificates_are_of_the_same_ca(tmp_path: Path) -> None:
    make(tmp_path, [Wanted("client", "ada")])
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert make(tmp_path, [Wanted("client", "bob")]) == [tmp_path / "client-bob"]
    assert {file: file.read_bytes() for file in before} == before
    assert (tmp_path / "client-bob" / "ca.pem").read_bytes() == (tmp_path / "ca.pem").read_bytes()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    make(tmp_path, [Wanted("client", "ada")])
    key = (tmp_path / "client-ada" / "client.key").read_bytes()
    with pytest.raises(BadInput, match="exists already"):
        make(tmp_path, [Wanted("client", "bob"), Wanted("client", "ada")])
    assert (tmp_path / "client-ada" / "client.key").read_bytes() == key
    assert not (tmp_path / "client-bob").exists()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "-x", "ü", "x" * 64, "a\n"])
def test_names_that_cannot_be_folders_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be the name"):
        make(tmp_path, [Wanted("client", name)])
    assert not (tmp_path / "ca.key").exists()


def test_one_name_for_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Two certificates"):
        make(tmp_path, [Wanted("client", "ada"), Wanted("client", "ada")])


def test_half_a_ca_makes_nothing(tmp_path: Path) -> None:
    make(tmp_path, [Wanted("client", "ada")])
    (tmp_path / "ca.key").unlink()
    with pytest.raises(BadInput, match=r"ca\.key is missing"):
        make(tmp_path, [Wanted("client", "bob")])


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    (folder,) = make(tmp_path, [Wanted("client", "ada")])
    (folder / "client.key").chmod(0o640)
    with pytest.raises(BadInput, match="Others can read"):
        find("client", folder)


def test_a_missing_or_wrong_certificate_is_named(ca: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"There is no worker\.pem"):
        find("worker", ca / "client-ada")
    (folder,) = make(tmp_path, [Wanted("client", "ada")])
    for what in ("pem", "key"):
        (folder / f"client.{what}").rename(folder / f"worker.{what}")
    with pytest.raises(BadInput, match="is no certificate of a worker"):
        find("worker", folder)
    (folder / "worker.pem").write_text("x")
    with pytest.raises(BadInput, match="is no certificate"):
        find("worker", folder)


def test_an_expired_certificate_is_named(ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(UTC) + timedelta(days=certificates.USUAL_DAYS + 1)

    monkeypatch.setattr(certificates, "datetime", Later)
    with pytest.raises(BadInput, match="expired on"):
        find("client", ca / "client-ada")


@pytest.mark.parametrize(
    ("subject", "role"),
    [
        (((("organizationalUnitName", "worker"),),), "worker"),
        (((("organizationalUnitName", "worker"),), (("organizationalUnitName", "client"),)), None),
        (((("organizationalUnitName", "root"),),), None),
        (((("commonName", "worker"),),), None),
        ((), None),
    ],
)
def test_only_one_known_role_counts(subject: object, role: str | None) -> None:
    assert certificates.role_of({"subject": subject}) == role
    assert certificates.role_of(None) is None
