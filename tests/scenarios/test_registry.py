"""What a word of the command line means, and what is wrong with one that means nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mobilebench.core import paths
from mobilebench.core.axes import SCENARIOS
from mobilebench.core.errors import BadInput, Unsupported
from mobilebench.scenarios import own
from mobilebench.scenarios.registry import DESCRIBED, scenario_of
from mobilebench.scenarios.video import CLIP
from tests.pinning import Pinned


@pytest.fixture
def without_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)
    return tmp_path


def test_every_name_is_described() -> None:
    assert set(SCENARIOS) < set(DESCRIBED)


def test_the_scenarios_with_pages_of_ours() -> None:
    assert scenario_of("interaction").page == "scenarios/interaction.html"
    assert "at 25 words" in scenario_of("typing", words_per_minute=25).title


def test_our_clip_is_offered_to_the_video_page(without_clip: Path) -> None:
    clip = without_clip / "assets" / "clip" / "clip.webm"
    clip.parent.mkdir(parents=True)
    clip.touch()
    assert scenario_of("video").files == {CLIP: clip}


def test_without_our_clip_the_video_scenario_is_unsupported(without_clip: Path, pinned: Pinned) -> None:
    with pytest.raises(Unsupported) as failure:
        scenario_of("video")
    pinned(failure.value.text_with_hint)


def test_a_clip_of_the_user(tmp_path: Path) -> None:
    clip = tmp_path / "my.MP4"
    clip.touch()
    found = scenario_of(str(clip))
    assert (found.name, found.video, found.files) == ("video", "needed", {CLIP: clip})


def test_a_page_of_the_user_comes_with_the_files_around_it(tmp_path: Path) -> None:
    (tmp_path / "page" / "pictures").mkdir(parents=True)
    page = tmp_path / "page" / "index.html"
    for file in (page, page.parent / "pictures" / "a.png", page.parent / ".secret", tmp_path / "outside.txt"):
        file.touch()
    links = {
        "way-out": tmp_path / "outside.txt",
        "secret-too": page.parent / ".secret",
        "folder": page.parent / "pictures",
        "b.png": page.parent / "pictures" / "a.png",
        "nowhere": page.parent / "missing",
    }
    for name, end in links.items():
        (page.parent / name).symlink_to(end)
    found = scenario_of(str(page))
    assert found.page == "own/index.html"
    assert set(found.files) == {"own/index.html", "own/pictures/a.png", "own/b.png"}
    assert not found.is_remote


def test_a_linked_page_comes_with_the_files_around_the_page_itself(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    for name in ("page/index.html", "page/a.js", "beside-the-link.js"):
        (tmp_path / name).touch()
    (tmp_path / "link.html").symlink_to(tmp_path / "page" / "index.html")
    found = scenario_of(str(tmp_path / "link.html"))
    assert (found.page, set(found.files)) == ("own/index.html", {"own/index.html", "own/a.js"})


def test_a_page_in_a_folder_with_very_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setattr(own, "MOST_FILES", 2)
    for name in ("index.html", "a", "b"):
        (tmp_path / name).touch()
    with pytest.raises(BadInput) as failure:
        scenario_of(str(tmp_path / "index.html"))
    pinned(failure.value.text_with_hint)


def test_a_page_at_an_address() -> None:
    found = scenario_of("https://example.org/a?b=c")
    assert found.is_remote
    assert found.files == {}


@pytest.mark.parametrize(
    "word",
    [
        "nothing",
        "missing.html",
        "https://",
        "http://a b/",
        "https://example.org:99999/",
        "https://me:secret@example.org/",
        "notes.txt",
        pytest.param("x" * 5000, id="a name that is too long"),
        pytest.param(f"https://{'x ' * 5000}", id="an address that is too long"),
    ],
)
def test_what_is_no_scenario(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").touch()
    with pytest.raises(BadInput) as failure:
        scenario_of(word)
    pinned(failure.value.text_with_hint)


def test_a_page_whose_name_is_no_text(tmp_path: Path) -> None:
    page = tmp_path / os.fsdecode(b"caf\xe9.html")
    page.touch()
    with pytest.raises(BadInput, match="no UTF-8 text"):
        scenario_of(str(page))


@pytest.mark.parametrize("speed", [19, 61])
def test_nobody_types_like_this(speed: int) -> None:
    with pytest.raises(BadInput, match="between 20 and 60"):
        scenario_of("typing", words_per_minute=speed)
