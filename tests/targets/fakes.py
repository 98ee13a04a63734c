"""A phone that follows a script: what is asked of it must be what the test expects, in that order, and all of it."""

from __future__ import annotations

from io import BytesIO

from mobilebench.targets.android.sync import RemoteFile
from mobilebench.targets.base import ShellResult


class FakeShell:
    """Expects commands (whole, or as their beginning when they end in “…”) and answers them."""

    serial = "fake-1"

    def __init__(self, *script):
        self._script = [(command, _result(answer)) for command, answer in script]

    def script(self, text, *, timeout=30):
        assert self._script, f"nobody expected: {text}"
        expected, answer = self._script.pop(0)
        if expected.endswith("…"):
            assert text.startswith(expected[:-1]), f"expected {expected}, got {text}"
        else:
            assert text == expected
        if isinstance(answer, Exception):
            raise answer
        return answer

    def expect(self, *script):
        self._script += [(command, _result(answer)) for command, answer in script]

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            assert not self._script, f"never asked: {[command for command, _ in self._script]}"


class FakeFiles:
    """The phone's files, as adb's sync service shows them."""

    def __init__(self, files=None, failure=None):
        self.files = dict(files or {})
        self.modes = {}
        self.failure = failure
        self.written = []

    def stat(self, path):
        return RemoteFile(self.modes.get(path, 0o644), len(self.files[path])) if path in self.files else None

    def read(self, path):
        return self.files[path]

    def write(self, path, content, mode=0o644):
        self.send(BytesIO(content), path, mode)

    def receive(self, path, into):
        into.write(self.files[path])
        if self.failure:
            raise self.failure

    def send(self, source, path, mode):
        self.written.append(path)
        if self.failure:
            raise self.failure
        self.files[path] = source.read()
        self.modes[path] = mode
        return len(self.files[path])


def _result(answer):
    if isinstance(answer, (ShellResult, Exception)):
        return answer
    return ShellResult(answer if isinstance(answer, bytes) else str(answer).encode(), b"", 0)


def failed(code, stderr=""):
    return ShellResult(b"", stderr.encode(), code)
