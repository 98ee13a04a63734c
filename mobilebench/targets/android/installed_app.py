"""Which build of an app is installed on a phone, by the SHA-256 of its file."""

from __future__ import annotations

import re
import shlex

from mobilebench.core.errors import BlockFailed
from mobilebench.targets.android.shell import Shell, failure

FILE_SECONDS = 60.0
UNINSTALL_SECONDS = 60.0
_PATH = re.compile(r"^package:(/[^\s:]{1,1000}\.apk)\s*$", re.MULTILINE)
_SHA256 = re.compile(rb"[0-9a-f]{64}")


def installed_sha256(shell: Shell, package: str) -> str | None:
    """SHA-256 of the file of an installed app, computed by the phone; None if it is not installed.

    Raises:
        BlockFailed: the phone does not tell.
    """
    answer = shell.script(f"pm path {shlex.quote(package)}")
    text = answer.stdout.decode(errors="replace")
    found = _PATH.findall(text)
    if not found:
        if text.strip() or answer.stderr.strip():
            words = failure(answer) or "it gives no path"
            raise BlockFailed(f"{shell.serial}: it is not known whether {package} is installed: {words}")
        return None
    base = next((path for path in found if path.endswith("/base.apk")), found[0])
    hashed = shell.script(f"sha256sum {shlex.quote(base)}", timeout=FILE_SECONDS)
    digest = hashed.stdout.split()[:1]
    if hashed.exit_code != 0 or not digest or not _SHA256.fullmatch(digest[0]):
        raise BlockFailed(f"{shell.serial}: the installed {package} cannot be read: {failure(hashed) or 'no answer'}")
    return digest[0].decode()


def uninstall(shell: Shell, package: str, sha256: str) -> None:
    """Remove an app, if it is still this build. Raises `BlockFailed` if it cannot be removed."""
    if installed_sha256(shell, package) != sha256:
        return
    answer = shell.script(f"pm uninstall {shlex.quote(package)}", timeout=UNINSTALL_SECONDS)
    text = (answer.stdout + answer.stderr).decode(errors="replace")
    if "Success" not in text:
        raise BlockFailed(
            f"{shell.serial}: {package} could not be removed: {' '.join(text.split())[:300] or 'no answer'}"
        )
