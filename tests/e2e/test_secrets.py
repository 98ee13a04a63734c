"""No key and no token is in anything that a run writes or prints."""

from __future__ import annotations

import gzip
import secrets
from pathlib import Path

import pytest

from mobilebench.browsers import page_session
from mobilebench.core import paths
from mobilebench.targets.android import lease
from mobilebench.virtual import phones
from tests.cli.command_line import mobilebench
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.build, pytest.mark.timeout(300)]

SUITE = """\
title: One page and one phone
description: One block in a browser, and one that only sleeps on a phone.
models: [bert_small]
threads: [1]
rule: {min_predictions: 1, max_predictions: 1, max_seconds: 10}
blocks: 1
groups:
  - title: page
    targets: [host]
    browsers: [chrome]
    engines:
      tfjs: [wasm]
  - title: sleep
    targets: [android]
    engines:
      sleep: [cpu]
"""


class Noted:
    """The module `secrets`, which notes what it gives."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def token_hex(self, size: int) -> str:
        return self._noted(secrets.token_hex(size))

    def token_urlsafe(self, size: int) -> str:
        return self._noted(secrets.token_urlsafe(size))

    def _noted(self, token: str) -> str:
        self.given.append(token)
        return token


def written(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, by path; packed files unpacked too."""
    found = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    for name, content in list(found.items()):
        if name.endswith(".gz"):
            found[f"{name} unpacked"] = gzip.decompress(content)
    return found


def test_no_key_and_no_token_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visits, locks = Noted(), Noted()
    monkeypatch.setattr(page_session, "secrets", visits)
    monkeypatch.setattr(lease, "secrets", locks)
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(paths.cache()))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    suite, out = tmp_path / "suite.yaml", tmp_path / "out"
    suite.write_text(SUITE)
    with own_adb(tmp_path / "home", BUNDLED_ADB):
        (phone,) = phones.up(names=["watched"], chrome=False)
        code, said, complaints = mobilebench(
            f"-vv --log-file {tmp_path / 'log.txt'} run --serial host,{phone.serial} --suite {suite} --out {out}"
        )
        assert code in (0, 4), complaints
        assert mobilebench(f"bugreport last --out {out} --file {out / 'bug.zip'}").code == 0
    texts = written(out) | {"log.txt": (tmp_path / "log.txt").read_bytes()}
    texts |= {"what was printed": (said + complaints).encode()}
    assert b"shell" in texts["log.txt"] and len(texts["log.txt"]) > 10_000
    key = (tmp_path / "user/.android/adbkey").read_text().splitlines()[1:-1]
    public = (tmp_path / "user/.android/adbkey.pub").read_text().split()[0]
    assert len(key) > 10 and len(visits.given) >= 1 and len(locks.given) >= 1
    hidden = {"key": key, "public key": [public], "page's token": visits.given, "lock's token": locks.given}
    pairs = [(what, word.encode()) for what, words in hidden.items() for word in words]
    assert [(what, file) for what, word in pairs for file in texts if word in texts[file]] == []
