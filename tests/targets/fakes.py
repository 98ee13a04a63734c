"""Fake phones: one that follows a script of expected commands, and one with settings and files."""

from __future__ import annotations

import re
import shlex
from io import BytesIO

from mobilebench.targets.android.files import RemoteFile
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


class FakePhone:
    """A phone whose settings, debug app and files change; any command may be refused.

    Its files are those of a `FakeFiles`.
    """

    serial = "fake-1"

    def __init__(self, files=None, settings=None):
        self.files = files or FakeFiles()
        self.settings = {} if settings is None else settings
        self.refused = {}
        """Maps the beginning of a command to the phone's answer."""
        self.lock = "t0"
        """The token in its lock."""
        self.done = []

    def script(self, text, *, timeout=30):
        head, _, rest = text.partition("; ")
        if head.startswith("grep -qF "):
            if shlex.split(head)[2] != self.lock:
                return failed(76)
            text = rest
        if questions := _TOGETHER.findall(text):
            return _result(b"".join(self._one_of(question, mark) for question, mark in questions))
        self.done.append(text)
        answer = next((answer for start, answer in self.refused.items() if text.startswith(start)), None)
        if isinstance(answer, Exception):
            raise answer
        return answer or _result(self._answer(shlex.split(text)))

    def _one_of(self, question, mark):
        answer = self.script(question)
        return answer.stdout + answer.stderr + f"{mark} {answer.exit_code}\n".encode()

    def _answer(self, words):
        table, files = self.settings, self.files
        match words:
            case ["settings", "get", _, key]:
                return f"{table.get(key, 'null')}\n"
            case ["settings", "put", _, key, value]:
                table[key] = value
            case ["settings", "delete", _, key]:
                return f"Deleted {int(table.pop(key, None) is not None)} rows\n"
            case ["am", "set-debug-app", *options, package]:
                table["debug_app"] = package
                table["wait_for_debugger"] = "1" if "-w" in options else "0"
            case ["am", "clear-debug-app"]:
                table.pop("debug_app", None)
                table["wait_for_debugger"] = "0"
            case ["rm", "-f", path]:
                files.files.pop(path, None)
            case ["chmod", mode, path, *rest]:
                files.modes[path] = int(mode, 8)
                if rest:
                    assert rest[:3] == ["&&", "mv", "-f"]
                    files.files[rest[4]] = files.files.pop(rest[3])
            case ["n=1;", *_]:
                aside = f"{words[words.index('mv') + 1]}.unreadable-1"
                files.files[aside] = files.files.pop(words[words.index("mv") + 1])
                return f"{aside}\n"
        return ""


_TOGETHER = re.compile(r"\{ (.*?); \} 2>&1; echo (mobilebench-\w+) \$\?")
"""Questions that are asked by one command."""


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
