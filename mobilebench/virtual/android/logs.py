"""The phone's log: what the phone did, as `logcat` prints it.

Entries are lines of one file; the oldest are dropped. Only the standard library is imported here: this also runs inside
the phone, as the program `logcat`.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mobilebench.core import atomic_files

LEVELS = "VDIWEFS"
BUFFERS = ("main", "system", "crash", "events", "radio", "kernel")
_DEFAULT_BUFFERS = ("main", "system", "crash")
_MOST_BYTES = 256 << 10
_FOLLOWS_EVERY_S = 0.1
_SEPARATOR = "\t"
_DIVIDER = "--------- beginning of "


@dataclass(frozen=True)
class Entry:
    """One entry of the log."""

    time: float
    """Seconds since 1970, of the phone's clock."""
    buffer: str
    level: str
    tag: str
    pid: int
    text: str

    def line(self) -> str:
        text = " ".join(self.text.split())
        return _SEPARATOR.join((f"{self.time:.3f}", self.buffer, self.level, self.tag, str(self.pid), text)) + "\n"

    def shown(self, form: str) -> str:
        """The entry in one of logcat's formats."""
        when = (
            datetime.fromtimestamp(self.time, UTC).strftime("%m-%d %H:%M:%S.") + f"{int(self.time * 1000) % 1000:03d}"
        )
        if form == "brief":
            return f"{self.level}/{self.tag:<8}({self.pid:5d}): {self.text}"
        if form == "tag":
            return f"{self.level}/{self.tag:<8}: {self.text}"
        if form == "raw":
            return self.text
        if form == "time":
            return f"{when} {self.level}/{self.tag:<8}({self.pid:5d}): {self.text}"
        if form == "epoch":
            when = f"{self.time:18.3f}"
        return f"{when} {self.pid:5d} {self.pid:5d} {self.level} {self.tag:<8}: {self.text}"


def parse(line: str) -> Entry | None:
    fields = line.rstrip("\n").split(_SEPARATOR, 5)
    if len(fields) != 6:
        return None
    try:
        return Entry(float(fields[0]), fields[1], fields[2], fields[3], int(fields[4]), fields[5])
    except ValueError:
        return None


class Log:
    """The file of the log, to which the phone's main process writes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "logcat"

    def begin(self) -> None:
        """Start with an empty log, as after a boot."""
        with contextlib.suppress(OSError):
            self._file.write_text("")

    def add(
        self, tag: str, text: str, *, level: str = "I", buffer: str = "system", pid: int = 1000, ahead_s: float = 0.0
    ) -> None:
        """Write an entry; `ahead_s` is by how much the phone's clock is ahead."""
        entry = Entry(time.time() + ahead_s, buffer, level, tag, pid, text)
        with contextlib.suppress(OSError):
            with self._file.open("a", encoding="utf-8", errors="replace") as log:
                log.write(entry.line())
                size = log.tell()
            if size > _MOST_BYTES:
                kept = self._file.read_bytes()[-_MOST_BYTES // 2 :]
                atomic_files.write_text(self._file, kept.partition(b"\n")[2].decode(errors="replace"), alone=True)


# The program `logcat`


@dataclass
class Request:
    """A parsed command line of `logcat`."""

    follow: bool = True
    clear: bool = False
    last: int | None = None
    since: str = ""
    buffers: set[str] = field(default_factory=lambda: set(_DEFAULT_BUFFERS))
    form: str = "threadtime"
    pid: int | None = None
    pattern: re.Pattern[str] | None = None
    most: int | None = None
    sizes: bool = False
    levels: dict[str, str] = field(default_factory=dict)
    """Lowest level by tag; `*` for all others."""

    def shows(self, entry: Entry) -> bool:
        lowest = self.levels.get(entry.tag, self.levels.get("*", "V"))
        return (
            entry.buffer in self.buffers
            and lowest != "S"
            and LEVELS.find(entry.level) >= LEVELS.index(lowest)
            and self.pid in (None, entry.pid)
            and (self.pattern is None or self.pattern.search(entry.text) is not None)
            and (not self.since or entry.shown("time") >= self.since)
        )


class BadUse(Exception):
    """The message that logcat prints for a command line that it does not understand."""


_FORMS = ("brief", "tag", "raw", "time", "threadtime", "epoch", "long", "process", "thread")
_IGNORED_FORMS = {"color", "descriptive", "monotonic", "printable", "uid", "usec", "UTC", "year", "zone"}


def parse_request(words: Sequence[str]) -> Request:
    """Parse the words after `logcat`. Raises `BadUse`."""
    request = Request()
    named: set[str] = set()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and "=" in word:
            word, _, value = word.partition("=")
            rest.insert(0, value)
        elif re.fullmatch(r"-[tTbvem]..*", word):
            rest.insert(0, word[2:])
            word = word[:2]
        if word in {"-d", "--dump"}:
            request.follow = False
        elif word in {"-c", "--clear"}:
            request.clear = True
        elif word in {"-s"}:
            request.levels["*"] = "S"
        elif word in {"-g", "--buffer-size"}:
            request.sizes = True
        elif word in {"-D", "--dividers", "-L", "--last", "-B", "--binary", "-S", "--statistics"}:
            request.follow = request.follow and word in {"-D", "--dividers"}
        elif word in _WITH_VALUE:
            if not rest:
                raise BadUse(f"logcat: option requires an argument -- {word.lstrip('-')}")
            _set_option(request, named, word, rest.pop(0))
        elif word.startswith("-"):
            raise BadUse(f"Unrecognized Option {word}")
        else:
            _add_filter(request, word)
    if named:
        request.buffers = named
    return request


_WITH_VALUE = {"-t", "-T", "-b", "--buffer", "-v", "--format", "--pid", "-e", "--regex", "-m", "--max-count"}


def _set_option(request: Request, named: set[str], word: str, value: str) -> None:
    if word in {"-t", "-T"}:
        request.follow = request.follow and word == "-T"
        if value.isdecimal():
            request.last = int(value)
        elif re.match(r"[\d-]+ [\d:.]+$", value):
            request.since = value
        else:
            raise BadUse(f'-{word[1]} "{value}" not in the right format')
    elif word in {"-b", "--buffer"}:
        for name in value.split(","):
            if name not in {*BUFFERS, "all", "default"}:
                raise BadUse(f"unknown buffer {name}")
            named.update(BUFFERS if name == "all" else _DEFAULT_BUFFERS if name == "default" else {name})
    elif word in {"-v", "--format"}:
        for name in value.split(","):
            if name not in _FORMS and name not in _IGNORED_FORMS:
                raise BadUse(f"Invalid parameter '{name}' to -v")
            request.form = name if name in _FORMS else request.form
    elif word in {"-e", "--regex"}:
        try:
            request.pattern = re.compile(value)
        except re.error:
            raise BadUse(f"invalid regex {value}") from None
    else:
        if not value.isdecimal():
            raise BadUse(f"{word} {value} out of range")
        if word == "--pid":
            request.pid = int(value)
        else:
            request.most = int(value)


def _add_filter(request: Request, word: str) -> None:
    tag, colon, level = word.rpartition(":")
    if not colon:
        tag, level = word, "V"
    if not tag or level.upper() not in [*LEVELS, "*"] or len(level) != 1:
        raise BadUse(f"Invalid filter expression '{word}'")
    request.levels[tag] = "V" if level == "*" else level.upper()


def main(file: Path, words: Sequence[str]) -> int:
    """Run `logcat` on the log in this file; without `-d` or `-t` it follows until it is ended."""
    try:
        request = parse_request(words)
    except BadUse as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if request.clear:
        with contextlib.suppress(FileNotFoundError), file.open("r+") as log:
            log.truncate(0)
        return 0
    if request.sizes:
        for buffer in sorted(request.buffers):
            sys.stdout.write(f"{buffer}: ring buffer is 256 KiB (0 B consumed), max entry is 5120 B\n")
        return 0
    shown = 0
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        for text in _texts(file, request):
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
            shown += not text.startswith(_DIVIDER)
            if request.most is not None and shown >= request.most:
                break
    os._exit(0)


def _texts(file: Path, request: Request) -> Iterator[str]:
    text, at, inode = _read(file, 0, None)
    found = [entry for entry in _entries(text) if request.shows(entry)]
    if request.last is not None:
        found = found[-request.last :] if request.last else []
    for buffer in [name for name in BUFFERS if any(entry.buffer == name for entry in found)]:
        yield f"{_DIVIDER}{buffer}"
    yield from (entry.shown(request.form) for entry in found)
    while request.follow:
        time.sleep(_FOLLOWS_EVERY_S)
        text, at, inode = _read(file, at, inode)
        yield from (entry.shown(request.form) for entry in _entries(text) if request.shows(entry))


def _entries(text: str) -> Iterable[Entry]:
    return (entry for entry in map(parse, text.splitlines()) if entry is not None)


def _read(file: Path, at: int, inode: int | None) -> tuple[str, int, int | None]:
    """The whole lines after `at`, and where they end; from the start if the file was replaced or emptied."""
    try:
        with file.open("rb") as log:
            facts = os.fstat(log.fileno())
            if facts.st_ino != inode or facts.st_size < at:
                at = 0 if inode is None or facts.st_size < at else facts.st_size
            log.seek(at)
            data = log.read()
    except OSError:
        return "", at, inode
    whole = data[: data.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace"), at + len(whole), facts.st_ino
