"""The folder of the site: only what changed is written, what is stale is removed, and foreign files are left alone."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from mobilebench.analysis.over_nights import Night, night_of
from mobilebench.core.errors import BadInput
from mobilebench.site import folder, html
from mobilebench.site.contents import Contents
from mobilebench.site.folder import LIST, write
from mobilebench.verdicts.reading import judge_run
from tests.site import making

ONE = making.WAYS[:1]


@cache
def night(number: int, ways: int = 1) -> Night:
    return night_of(judge_run(making.night(number, ways=making.WAYS[:ways])))


def contents(*numbers: int) -> Contents:
    return Contents([night(number) for number in numbers])


def files(of: Path) -> set[str]:
    return {path.name for path in of.iterdir()}


def test_a_second_call_writes_nothing_and_touches_no_file(tmp_path: Path) -> None:
    where = tmp_path / "deep" / "site"
    first = write(contents(1, 2), where)
    assert (first.unchanged, first.removed) == (0, 0)
    assert first.written == len(contents(1, 2).names)
    before = {path: path.stat().st_mtime_ns for path in where.glob("*.html")}
    second = write(contents(1, 2), where)
    assert (second.written, second.unchanged, second.removed) == (0, first.written, 0)
    assert {path: path.stat().st_mtime_ns for path in where.glob("*.html")} == before
    assert files(where) == {*contents(1, 2).names, LIST}


def test_a_further_night_writes_only_what_it_changes(tmp_path: Path) -> None:
    write(contents(1, 2), tmp_path)
    again = write(contents(1, 2, 3), tmp_path)
    assert again.unchanged == 2, "the pages of the two nights before"
    assert files(tmp_path) == {*contents(1, 2, 3).names, LIST}


def test_pages_that_no_longer_exist_are_removed(tmp_path: Path) -> None:
    write(contents(1, 2, 3), tmp_path)
    again = write(contents(2, 3), tmp_path)
    assert again.removed == 1
    assert files(tmp_path) == {*contents(2, 3).names, LIST}


def test_a_page_that_somebody_changed_or_removed_is_written_again(tmp_path: Path) -> None:
    write(contents(1), tmp_path)
    original = (tmp_path / "index.html").read_bytes()
    (tmp_path / "index.html").write_text("changed")
    (tmp_path / "nights.html").unlink()
    assert write(contents(1), tmp_path).written == 2
    assert (tmp_path / "index.html").read_bytes() == original


def test_another_version_writes_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(contents(1), tmp_path)
    monkeypatch.setattr(html, "look", lambda: "another")
    assert write(contents(1), tmp_path).written == first.written


def test_a_folder_with_foreign_files_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(BadInput, match=r"index\.html"):
        write(contents(1), tmp_path)
    assert files(tmp_path) == {"index.html"}
    assert (tmp_path / "index.html").read_text() == "mine"


def test_other_files_beside_a_site_stay_and_one_in_the_way_is_refused(tmp_path: Path) -> None:
    write(contents(1), tmp_path)
    (tmp_path / "robots.txt").write_text("mine")
    write(contents(1, 2), tmp_path)
    assert (tmp_path / "robots.txt").read_text() == "mine"
    in_the_way = set(contents(1, 2, 3).names) - set(contents(1, 2).names)
    (tmp_path / in_the_way.pop()).write_text("mine")
    with pytest.raises(BadInput):
        write(contents(1, 2, 3), tmp_path)


UNSAFE = '{"format": "mobilebench/site/1", "pages": {"../x": {"data": "", "file": ""}}}'


@pytest.mark.parametrize("text", ["", "{", '{"format": "mobilebench/site/9", "pages": {}}', UNSAFE])
def test_a_list_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / LIST).write_text(text)
    with pytest.raises(BadInput):
        write(contents(1), tmp_path)
    assert files(tmp_path) == {LIST}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("mine")
    with pytest.raises(BadInput):
        write(contents(1), tmp_path / "site")


def test_a_call_that_was_killed_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render, calls = html.render, []

    def killed(name: str, document: object) -> str:
        calls.append(name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return render(name, document)  # type: ignore[arg-type]

    monkeypatch.setattr(folder.html, "render", killed)
    with pytest.raises(KeyboardInterrupt):
        write(contents(1), tmp_path)
    assert not [name for name in files(tmp_path) if name.endswith(".part")]
    monkeypatch.undo()
    write(contents(1), tmp_path)
    assert files(tmp_path) == {*contents(1).names, LIST}


def test_a_link_in_place_of_a_page_is_replaced_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    where = tmp_path / "site"
    write(contents(1), where)
    (where / "index.html").unlink()
    os.symlink(outside, where / "index.html")
    write(contents(1), where)
    assert outside.read_text() == "mine"
    assert not (where / "index.html").is_symlink()
