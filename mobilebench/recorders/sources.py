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
m() {{ if [ -n "$I" ]; then
for q in $I; do f "$1" "/proc/$q/$2"; done
return
fi
if [ -n "$P" ] && [ ! -r "/proc/$P/$2" ]; then P=; fi
if [ -z "$P" ] && [ -n "$3" ]; then P=$(pgrep -n -x -- "$3"); fi
if [ -n "$P" ]; then f "$1" "/proc/$P/$2"; else echo "/proc/measured/$2 !missing"; fi; }}
"""
"""Shell functions that the programs of parts call: `f` prints lines of files, `e` those files that exist (all, if none
does), and `m` a file of the measured processes, whose ids are in `I` if they are known. They use builtin commands of
mksh and dash, which start no process; only `m` starts `pgrep`, until the measured process is found."""


@dataclass(frozen=True)
class Processes:
    """How the processes that measure a block are found. The first field that is set counts."""

    ids: tuple[int, ...] = ()
    """Their ids on the target."""
    command: tuple[str, ...] = ()
    """A child process of this one has this command line. For this computer only."""
    program: str | None = None
    """The newest process with this name; on this computer a child process of this one."""
    unknown: str | None = None
    """Why they cannot be told, as a clause."""

    def variables(self) -> str:
        """Assignments of the shell variables that `m` reads."""
        ids = " ".join(f"{one:d}" for one in self.ids)
        return f"P= I={shlex.quote(ids)} program={shlex.quote(short_name(self.program))}"


NO_PROCESSES = Processes()


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

    def here(self, root: Path, processes: Processes, known: Known | None = None) -> str:  # noqa: ARG002
        """The same text from the files of this computer below `root`."""
        files = known.get(self) if known is not None else None
        if files is None:
            files = self._matching(root)
            if known is not None:
                known[self] = files
        return "".join(_file_text(root, path, self.lines) for path in files)

    def _matching(self, root: Path) -> tuple[str, ...]:
        """The files that match; the patterns themselves if nothing does."""
        used = (*self.patterns, *self.here_too)
        found = tuple(path for pattern in used for path in _matching(root, pattern))
        if not found and self.otherwise:
            used = self.otherwise
            found = tuple(path for pattern in used for path in _matching(root, pattern))
        return (found or used)[:MOST_FILES]


@dataclass(frozen=True)
class Command:
    """What a command of a phone prints; this computer has no such command."""

    argv: tuple[str, ...]

    def prepared(self, name: str) -> str:  # noqa: ARG002
        return ""

    def shell(self, name: str) -> str:  # noqa: ARG002
        """Shell text that runs it as a child process, which a trap can end, and ends its last line."""
        return f"{shlex.join(self.argv)} 2>&1 & wait $!; z=$!; echo"

    def here(self, root: Path, processes: Processes, known: Known | None = None) -> str:  # noqa: ARG002
        return ""


@dataclass(frozen=True)
class Measured:
    """A file in `/proc/PID` of the processes that are measured."""

    file: str
    lines: int = 1

    def prepared(self, name: str) -> str:  # noqa: ARG002
        return ""

    def shell(self, name: str) -> str:  # noqa: ARG002
        """Shell text that prints it; the variable `program` holds the name of the program."""
        return f'm {self.lines} {self.file} "$program"'

    def here(self, root: Path, processes: Processes, known: Known | None = None) -> str:  # noqa: ARG002
        ids = processes.ids or _child(root, processes)
        texts = [_file_text(root, f"/proc/{pid:d}/{self.file}", self.lines) for pid in ids]
        return "".join(texts) or f"/proc/measured/{self.file} !missing\n"


Part = Files | Command | Measured
Known = dict[Files, tuple[str, ...]]
"""Files that were found for patterns, so that they are looked for once in a block."""


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
    def of_processes(self) -> bool:
        """Whether it reads the processes that are measured."""
        return any(isinstance(part, Measured) for part in self.each)

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


def whole_program(source: Source, processes: Processes) -> str:
    """Shell text that prints one whole reading, with what is read only around a block."""
    lines = ["exec 2>/dev/null", processes.variables(), FUNCTIONS]
    for place, part in enumerate((*source.once, *source.each, *source.around)):
        name = f"v{place}"
        lines += [text for text in (part.prepared(name), part.shell(name)) if text]
    return "\n".join(lines)


def read_here(source: Source, processes: Processes, root: Path, *, around: bool, known: Known | None = None) -> str:
    """One whole reading of this computer.

    Args:
        source: what is read.
        processes: how the processes that measure are found.
        root: folder that holds `proc` and `sys`.
        around: whether to read what is read only before and after a block.
        known: files that are found are kept there, and not looked for again.
    """
    parts = (*source.once, *source.each, *(source.around if around else ()))
    return "".join(part.here(root, processes, known) for part in parts)


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


_found: dict[Processes, int] = {}
"""Process id by what was looked for, as it was found last."""


def measured_here(program: str) -> int | None:
    """Process id of the program that measures on this computer for this process; None if it does not run."""
    return next(iter(_child(Path("/"), Processes(program=program))), None)


def _child(root: Path, processes: Processes) -> tuple[int, ...]:
    """The running child process of this process that is looked for; empty if there is none."""
    if not processes.command and not processes.program:
        return ()
    known = _found.get(processes)
    if known is not None and _is_child(root, known, processes):
        return (known,)
    for folder in (root / "proc").iterdir():
        if folder.name.isdecimal() and _is_child(root, int(folder.name), processes):
            _found[processes] = int(folder.name)
            return (int(folder.name),)
    return ()


def _is_child(root: Path, pid: int, processes: Processes) -> bool:
    folder = root / f"proc/{pid}"
    try:
        stat = parse_stat((folder / "stat").read_text(errors="replace"))
        if stat is None or stat.parent != os.getpid() or stat.ended:
            return False
        if processes.command:
            return (folder / "cmdline").read_bytes().split(b"\0")[:-1] == [*map(os.fsencode, processes.command)]
    except OSError:
        return False
    return stat.name == short_name(processes.program)


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
