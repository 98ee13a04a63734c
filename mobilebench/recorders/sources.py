"""What recorders read: files of `/proc` and `/sys`, commands, and the measured process.

Each part is read by a small shell program on a phone and by Python on this computer, with the same text as result. A
file's lines are printed as `PATH LINE`; a file that cannot be read as `PATH !denied`, `PATH !missing` or `PATH !empty`.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilebench.core.proc import parse_stat

MOST_FILES = 128
"""The most files that one part reads."""
LONGEST_LINE = 4096
"""Characters of a line of a file that are read on this computer."""

FUNCTIONS = f"""\
f() {{ n=$1; shift; k=0
for p; do
if [ $k -ge {MOST_FILES} ]; then break; fi
k=$((k+1))
if [ -r "$p" ]; then
i=0; l=
while [ $i -lt $n ] && {{ IFS= read -r l || [ -n "$l" ]; }}; do echo "$p $l" || exit; i=$((i+1)); l=; done <"$p"
[ $i -gt 0 ] || echo "$p !empty"
elif [ -e "$p" ]; then echo "$p !denied"
else x=${{p%%[*[]*}}; x=${{x%/*}}
if [ -d "$x" ] && {{ [ ! -r "$x" ] || [ ! -x "$x" ]; }}; then echo "$p !denied"; else echo "$p !missing"; fi
fi
done; }}
e() {{ r=
for p; do if [ -e "$p" ]; then r="$r $p"; fi; done
echo "${{r:-$*}}"; }}
m() {{ if [ -n "$P" ] && [ ! -r "/proc/$P/$2" ]; then P=; fi
if [ -z "$P" ] && [ -n "$3" ]; then P=$(pgrep -n -x -- "$3"); fi
if [ -n "$P" ]; then f "$1" "/proc/$P/$2"; else echo "/proc/measured/$2 !missing"; fi; }}
"""
"""Shell functions that the programs of parts call: `f` prints lines of files, `e` those files that exist (all, if none
does), and `m` a file of the measured process. They use builtin commands of mksh and dash, which start no process; only
`m` starts `pgrep`, until the measured process is found."""


@dataclass(frozen=True)
class Files:
    """The first lines of all files that match patterns."""

    patterns: tuple[str, ...]
    lines: int = 1
    otherwise: tuple[str, ...] = ()
    """Patterns that are used instead if nothing matches the others."""
    here_too: tuple[str, ...] = ()
    """Patterns that are also read on this computer, but not on phones."""

    def prepared(self, name: str) -> str:
        """Shell text that sets the variable `name` to the files, once."""
        if not self.patterns:
            return ""
        text = f"{name}=$(e {' '.join(self.patterns)})"
        if self.otherwise:
            text += f"; case \"${name}\" in *'*'*) {name}=$(e {' '.join(self.otherwise)});; esac"
        return text

    def shell(self, name: str) -> str:
        """Shell text that prints the files' lines, after `prepared`."""
        return f"f {self.lines} ${name}" if self.patterns else ""

    def here(self, root: Path, program: str | None) -> str:  # noqa: ARG002
        """The same text from the files of this computer below `root`."""
        used = (*self.patterns, *self.here_too)
        found = [path for pattern in used for path in _matching(root, pattern)]
        if not found and self.otherwise:
            used = self.otherwise
            found = [path for pattern in used for path in _matching(root, pattern)]
        files = found or used
        return "".join(_file_text(root, path, self.lines) for path in files[:MOST_FILES])


@dataclass(frozen=True)
class Command:
    """What a command of a phone prints; this computer has no such command."""

    argv: tuple[str, ...]

    def prepared(self, name: str) -> str:  # noqa: ARG002
        return ""

    def shell(self, name: str) -> str:  # noqa: ARG002
        """Shell text that runs it as a child process, which a trap can end, and ends its last line."""
        return f"{shlex.join(self.argv)} 2>&1 & wait $!; z=$!; echo"

    def here(self, root: Path, program: str | None) -> str:  # noqa: ARG002
        return ""


@dataclass(frozen=True)
class Measured:
    """A file in `/proc/PID` of the process that is measured."""

    file: str
    lines: int = 1

    def prepared(self, name: str) -> str:  # noqa: ARG002
        return ""

    def shell(self, name: str) -> str:  # noqa: ARG002
        """Shell text that prints it; the variable `program` holds the name of the program."""
        return f'm {self.lines} {self.file} "$program"'

    def here(self, root: Path, program: str | None) -> str:
        pid = _child(root, program) if program else None
        if pid is None:
            return f"/proc/measured/{self.file} !missing\n"
        return _file_text(root, f"/proc/{pid}/{self.file}", self.lines)


Part = Files | Command | Measured


@dataclass(frozen=True)
class Source:
    """What one recorder reads at a time."""

    each: tuple[Part, ...]
    """What is read for every reading."""
    once: tuple[Files, ...] = ()
    """What does not change during a block, such as names of sensors. It comes first in the text of every reading."""
    around: tuple[Files, ...] = ()
    """What is read only before and after a block, because it is long."""

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands among its parts."""
        return tuple(part for part in self.each if isinstance(part, Command))

    @property
    def single(self) -> Command | None:
        """The command, if there is nothing else to read."""
        only = self.each[0] if len(self.each) == 1 and not self.once and not self.around else None
        return only if isinstance(only, Command) else None


def short_name(program: str | None) -> str:
    """A program's name as the kernel keeps it, which `pgrep` compares; empty without a program."""
    return (program or "")[:15]


def once_program(source: Source, number: int) -> tuple[str, list[str], list[str]]:
    """Shell texts for a stream: preparations; what is printed once; and what is printed for every reading."""
    prepared: list[str] = []
    once: list[str] = []
    each: list[str] = []
    for place, part in enumerate((*source.once, *source.each)):
        name = f"v{number}_{place}"
        if text := part.prepared(name):
            prepared.append(text)
        (once if place < len(source.once) else each).extend([text] if (text := part.shell(name)) else [])
    return "\n".join(prepared), once, each


def whole_program(source: Source, program: str | None) -> str:
    """Shell text that prints one whole reading, with what is read only around a block."""
    lines = ["exec 2>/dev/null", "P=", f"program={shlex.quote(short_name(program))}", FUNCTIONS]
    for place, part in enumerate((*source.once, *source.each, *source.around)):
        name = f"v{place}"
        lines += [text for text in (part.prepared(name), part.shell(name)) if text]
    return "\n".join(lines)


def read_here(source: Source, program: str | None, root: Path, *, around: bool) -> str:
    """One whole reading of this computer."""
    parts = (*source.once, *source.each, *(source.around if around else ()))
    return "".join(part.here(root, program) for part in parts)


def _matching(root: Path, pattern: str) -> list[str]:
    return [f"/{path.relative_to(root)}" for path in sorted(root.glob(pattern.lstrip("/")))]


def _file_text(root: Path, path: str, lines: int) -> str:
    try:
        with (root / path.lstrip("/")).open(encoding="utf-8", errors="replace") as file:
            read = [line.rstrip("\n") for _ in range(lines) if (line := file.readline(LONGEST_LINE))]
    except PermissionError:
        return f"{path} !denied\n"
    except FileNotFoundError:
        folder = root / re.split(r"[*\[]", path.lstrip("/"), maxsplit=1)[0].rpartition("/")[0]
        closed = folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK)
        return f"{path} !{'denied' if closed else 'missing'}\n"
    except OSError:
        return f"{path} !empty\n"
    return "".join(f"{path} {line}\n" for line in read) or f"{path} !empty\n"


_found: dict[str, int] = {}
"""Process id by program, as it was found last."""


def measured_here(program: str) -> int | None:
    """Process id of the program that measures on this computer for this process; None if it does not run."""
    return _child(Path("/"), program)


def _child(root: Path, program: str) -> int | None:
    """A running child process of this process with the program's name; None if there is none."""
    known = _found.get(program)
    if known is not None and _is_child(root, known, program):
        return known
    for folder in (root / "proc").iterdir():
        if folder.name.isdecimal() and _is_child(root, int(folder.name), program):
            _found[program] = int(folder.name)
            return int(folder.name)
    return None


def _is_child(root: Path, pid: int, program: str) -> bool:
    try:
        stat = parse_stat((root / f"proc/{pid}/stat").read_text(errors="replace"))
    except OSError:
        return False
    return stat is not None and stat.parent == os.getpid() and stat.name == short_name(program) and not stat.ended


# Reading the text

_LINE = re.compile(r"(/\S+) (.*)")
REASONS = {
    "!denied": "the shell may not read it",
    "!missing": "there is no such file",
    "!empty": "it could not be read",
}


def lines_of(text: str) -> Iterator[tuple[str, str]]:
    """Path and line of every line in the text of `Files` and `Measured`; other lines are left out."""
    for line in text.splitlines():
        if found := _LINE.fullmatch(line):
            yield found[1], found[2].strip()


def why_none(found: Sequence[tuple[str, str]], what: str, *, phone_word: str = "the target") -> str:
    """Why no file held a value, as a clause.

    Args:
        found: path and line of every file.
        what: what the files hold, such as `clocks of the processor`.
        phone_word: what was read.
    """
    states = {line for _, line in found}
    if "!denied" in states:
        return f"{phone_word} does not let a shell read {what}"
    if states and states <= {"!missing"}:
        return f"{phone_word} shows no {what}"
    return f"{phone_word} shows no usable {what}"
