"""The key that signs APKs: made once on each computer, kept in the cache, and never in the repository.

Android updates an app only with one that is signed with the same key. An app that another computer has signed has to
be removed first.
"""

from __future__ import annotations

import os
from pathlib import Path

from apk_runner.packing.tools import run
from mobilebench.core import file_locks, paths

ALIAS = "mobilebench"
PASSWORD = "android"
"""That of Android Studio's debug keys, too: such a key proves nothing."""
_DAYS = "10950"


def obtain() -> Path:
    """This computer's key store, made when there is none."""
    folder = paths.cache() / "app"
    store = folder / "debug.p12"
    folder.mkdir(parents=True, exist_ok=True)
    with file_locks.exclusive(folder / ".key.lock"):
        if not store.is_file():
            beside = folder / f".debug-{os.getpid()}.p12"
            beside.unlink(missing_ok=True)
            make(beside)
            beside.replace(store)
    return store


def make(store: Path) -> None:
    """Make a key store with a new key; only its owner can read it."""
    run(
        *("keytool", "-genkeypair", "-keystore", store, "-storetype", "PKCS12", "-storepass", PASSWORD),
        *("-alias", ALIAS, "-keyalg", "RSA", "-keysize", "2048", "-validity", _DAYS, "-dname", "CN=mobilebench debug"),
    )
    store.chmod(0o600)
