"""Files of answers, and the answers of a model that is always right."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.reuse.answers import Answer, perfect
from mobilebench.reuse.frames import BadFrames, Frame, FrameSet, Problem, Truth, checked
from mobilebench.reuse.scoring import score
from mobilebench.scenarios.accuracy import answer_files
from tests.pinning import Pinned
from tests.scenarios.accuracy import sets

HEADER = "image,label,score,left,top,right,bottom\n"
ONE = checked(
    FrameSet(
        "one",
        tuple(Frame(clip="a", time_ms=time, image=f"{time}.png") for time in (0, 10, 20)),
        {"0.png": Truth(label="dog")},
    )
)
GOOD = "0.png,cat,0.4,,,,\n0.png,dog,0.5,,,,\n0.png,dog,0.5,1,1,5,5\n10.png,,,,,,\n20.png,dog,,,,,\n"


def test_answers_are_read(tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(HEADER + GOOD)
    read = answer_files.read(file, ONE)
    assert (read["0.png"].label, [box.score for box in read["0.png"].boxes]) == ("dog", [0.5])
    assert read["10.png"] == Answer()
    assert read["20.png"].label == "dog"


BAD: dict[str, tuple[Problem, str]] = {
    "no answer to a frame": ("missing answer", "0.png,dog,1,,,,\n"),
    "an unknown image": ("unknown image", "5.png,dog,1,,,,\n"),
    "a score above 1": ("bad row", "0.png,dog,1.5,,,,\n"),
    "a score that is not finite": ("bad row", "0.png,dog,nan,,,,\n"),
    "a box without a score": ("bad row", "0.png,dog,,1,1,5,5\n"),
    "a box without a class": ("bad row", "0.png,,0.5,1,1,5,5\n"),
    "a score without a class": ("bad row", "0.png,,0.5,,,,\n"),
    "half a box": ("bad row", "0.png,dog,0.5,1,1,,\n"),
    "an empty box": ("bad box", "0.png,dog,0.5,5,5,1,1\n"),
}


@pytest.mark.parametrize("name", BAD)
def test_unusable_answers_have_a_name(name: str, tmp_path: Path, pinned: Pinned) -> None:
    problem, text = BAD[name]
    file = tmp_path / "answers.csv"
    file.write_text(HEADER + text)
    with pytest.raises(BadFrames) as caught:
        answer_files.read(file, ONE)
    assert caught.value.problem == problem
    pinned(caught.value.message)


def test_a_missing_file_of_answers_has_a_name(tmp_path: Path) -> None:
    with pytest.raises(BadFrames) as caught:
        answer_files.read(tmp_path / "none.csv", ONE)
    assert caught.value.problem == "missing file"


def test_perfect_answers_score_one() -> None:
    one = sets.moving()
    answers = perfect(one)
    scores = score([(one.truth[frame.image], answers[frame.image]) for frame in one.frames])
    assert scores.values == pytest.approx({"top-1": 1, "mAP@0.5": 1, "mAP@[.5:.95]": 1})


def test_a_frame_without_truth_is_answered_as_the_last_one_with_it() -> None:
    assert [perfect(ONE)[frame.image].label for frame in ONE.frames] == ["dog"] * 3
