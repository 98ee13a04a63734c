"""What is read is the same text from a shell and from Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mobilebench.recorders import sources
from mobilebench.recorders.sources import (
    NO_PROCESSES,
    Command,
    Files,
    Measured,
    Processes,
    Source,
    lines_of,
    read_here,
    whole_program,
    why_none,
)


def by_shell(source: Source, program: str | None = None, shell: str = "sh") -> str:
    done = subprocess.run(
        [shell, "-c", whole_program(source, Processes(program=program))], capture_output=True, text=True, check=False
    )
    return done.stdout


def both(source: Source, program: str | None = None) -> str:
    """The text, which has to be the same from both."""
    here = read_here(source, Processes(program=program), Path("/"), around=True)
    assert by_shell(source, program) == here
    return here


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number, content in enumerate(["12\n", "several\nlines\nof text\n", "no line end", ""]):
        (tmp_path / f"zone{number}").mkdir()
        (tmp_path / f"zone{number}" / "temp").write_text(content)
    return tmp_path


def test_the_first_lines_of_files(tree: Path) -> None:
    text = both(Source((Files((f"{tree}/zone*/temp",), lines=2),)))
    assert list(lines_of(text)) == [
        (f"{tree}/zone0/temp", "12"),
        (f"{tree}/zone1/temp", "several"),
        (f"{tree}/zone1/temp", "lines"),
        (f"{tree}/zone2/temp", "no line end"),
        (f"{tree}/zone3/temp", "!empty"),
    ]


def test_files_that_are_not_there(tree: Path) -> None:
    text = both(Source((Files((f"{tree}/zone9*/temp", f"{tree}/other")),)))
    assert text == f"{tree}/zone9*/temp !missing\n{tree}/other !missing\n"


def test_missing_files_are_left_out_where_others_are_there(tree: Path) -> None:
    text = both(Source((Files((f"{tree}/zone9*/temp", f"{tree}/zone0/temp")),)))
    assert text == f"{tree}/zone0/temp 12\n"


def test_other_patterns_are_used_where_nothing_matches(tree: Path) -> None:
    files = Files((f"{tree}/policy*/temp",), otherwise=(f"{tree}/zone[0-1]/temp",))
    assert len(both(Source((files,))).splitlines()) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(tree: Path) -> None:
    (tree / "zone0" / "temp").chmod(0)
    assert both(Source((Files((f"{tree}/zone0/temp",)),))) == f"{tree}/zone0/temp !denied\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folders_that_may_not_be_read(tree: Path) -> None:
    tree.chmod(0)
    try:
        assert both(Source((Files((f"{tree}/zone*/temp",)),))) == f"{tree}/zone*/temp !denied\n"
    finally:
        tree.chmod(0o700)


def test_some_files_are_read_on_this_computer_only(tree: Path) -> None:
    source = Source((Files((f"{tree}/zone0/temp",), here_too=(f"{tree}/zone2/temp",)), Files((), here_too=("/x",))))
    assert by_shell(source) == f"{tree}/zone0/temp 12\n"
    here = read_here(source, NO_PROCESSES, Path("/"), around=False)
    assert here == f"{tree}/zone0/temp 12\n{tree}/zone2/temp no line end\n/x !missing\n"


def test_the_number_of_files_is_bounded(tmp_path: Path) -> None:
    for number in range(sources.MOST_FILES + 20):
        (tmp_path / f"zone{number:03}").write_text("1\n")
    assert len(both(Source((Files((f"{tmp_path}/zone*",)),))).splitlines()) == sources.MOST_FILES


def test_what_is_read_once_comes_first_and_what_is_long_only_around_a_block(tree: Path) -> None:
    first, second, third = (Files((f"{tree}/zone{number}/temp",)) for number in range(3))
    source = Source(each=(second,), once=(first,), around=(third,))
    assert [line for _, line in lines_of(both(source))] == ["12", "several", "no line end"]
    during = read_here(source, NO_PROCESSES, Path("/"), around=False)
    assert [line for _, line in lines_of(during)] == ["12", "several"]


def test_the_measured_process_is_a_child_with_its_name() -> None:
    source = Source((Measured("stat"),))
    assert both(source, "no-such-program") == "/proc/measured/stat !missing\n"
    assert read_here(source, NO_PROCESSES, Path("/"), around=False) == "/proc/measured/stat !missing\n"
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            (found,) = lines_of(read_here(source, Processes(program="sleep"), Path("/"), around=False))
            assert found[0] == f"/proc/{child.pid}/stat"
            assert found[1].startswith(f"{child.pid} (sleep)")
        finally:
            child.kill()


def test_measured_processes_with_known_ids() -> None:
    source = Source((Measured("status", lines=9),))
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            known = Processes((child.pid, os.getpid(), 1 << 22), program="never")
            here = read_here(source, known, Path("/"), around=False)
            shell = subprocess.run(
                ["sh", "-c", whole_program(source, known)], capture_output=True, text=True, check=True
            )
            for text in (here, shell.stdout):
                paths = dict.fromkeys(path for path, _ in lines_of(text))
                assert list(paths) == [f"/proc/{pid}/status" for pid in known.ids]
            assert here.endswith(f"/proc/{1 << 22}/status !missing\n")
        finally:
            child.kill()


def test_a_measured_process_with_a_known_command_line() -> None:
    source = Source((Measured("stat"),))
    words = ("sleep", "601")
    with subprocess.Popen(["sleep", "600"]) as other, subprocess.Popen(words) as child:
        try:
            known = Processes(command=words, program="sleep")
            (found,) = lines_of(read_here(source, known, Path("/"), around=False))
            assert found[0] == f"/proc/{child.pid}/stat"
        finally:
            other.kill()
            child.kill()


def test_a_command_is_run_as_it_is_where_there_is_nothing_else() -> None:
    command = Command(("dumpsys", "battery"))
    assert Source((command,)).single == command
    assert Source((command, Files(("/x",)))).single is None
    assert Source((Files(("/x",)),)).single is None


def test_a_command_is_quoted() -> None:
    text = by_shell(Source((Command(("echo", "a; echo b", "$HOME")), Files(("/none",)))))
    assert text.startswith("a; echo b $HOME\n")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ([("/a", "!denied"), ("/b", "!missing")], "does not let a shell read clocks"),
        ([("/a", "!missing")], "shows no clocks"),
        ([("/a", "!empty")], "shows no usable clocks"),
        ([], "shows no usable clocks"),
    ],
)
def test_why_nothing_was_read(found: list[tuple[str, str]], reason: str) -> None:
    assert why_none(found, "clocks") == f"the target {reason}"
