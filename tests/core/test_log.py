from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.core import log
from mobilebench.core.errors import BadInput
from tests.pinning import Pinned

logger = logging.getLogger("mobilebench.some.module")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    root = logging.getLogger(log.ROOT)
    before, level = list(root.handlers), root.level
    root.handlers = []
    yield
    root.handlers, root.level = before, level


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def test_a_line_names_run_target_and_block(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    with log.written_to(file), log.about(run="r1"):
        with log.about(target="phone", block=7):
            logger.debug("inside")
        logger.info("outside")
    inside, outside = lines(file)
    assert "DEBUG run=r1 target=phone block=7 mobilebench.some.module: inside" in inside
    assert "INFO run=r1 target=- block=- mobilebench.some.module: outside" in outside


def test_threads_have_contexts_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"

    def work(name: str, ready: threading.Barrier) -> None:
        with log.about(target=name):
            ready.wait(60)
            logger.info("from %s", name)

    ready = threading.Barrier(2)
    threads = [threading.Thread(target=work, args=(name, ready)) for name in ("a", "b")]
    with log.written_to(file):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(line.partition("target=")[2].split()[0] + line[-1] for line in lines(file)) == ["aa", "bb"]


def test_nothing_is_written_after_the_end(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    with log.written_to(file):
        pass
    logger.info("late")
    assert lines(file) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        log.write_to(tmp_path)


@pytest.mark.parametrize(
    ("verbosity", "shown"), [(0, ["warned"]), (1, ["informed", "warned"]), (2, ["debugged", "informed", "warned"])]
)
def test_verbosity(verbosity: int, shown: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    log.show(verbosity)
    logger.debug("debugged")
    logger.info("informed")
    logger.warning("warned")
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().err.splitlines()] == shown
    assert log.is_shown() == (verbosity > 0)


def test_a_command_is_logged_with_outcome_and_duration(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, log.ROOT), log.timed(logger, "adb shell  true") as outcome:
        outcome.append("exit code 0")
    (line,) = caplog.messages
    assert line.startswith("adb shell true: exit code 0 after ")
    assert line.endswith(" ms")


def test_a_command_that_fails_is_logged_with_its_error(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, log.ROOT), pytest.raises(ValueError), log.timed(logger, "adb shell true"):
        raise ValueError("no phone")
    assert "ValueError: no phone" in caplog.messages[0]


def test_a_step_is_logged_when_it_begins_and_when_it_is_done(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, log.ROOT)
    with log.step(logger, "build of bert_small"):
        assert caplog.messages == ["build of bert_small: begun"]
    assert re.fullmatch(r"build of bert_small: done after \d+\.\d s", caplog.messages[1])
    assert {record.levelno for record in caplog.records} == {logging.INFO}


def test_a_step_that_fails_is_logged_with_its_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, log.ROOT)
    with pytest.raises(BadInput), log.step(logger, "build of bert_small"):
        raise BadInput("The disk is full.")
    assert re.fullmatch(r"build of bert_small: failed \(BadInput: The disk is full\.\) after .* s", caplog.messages[1])


@pytest.mark.parametrize(
    "text",
    [
        "curl -H 'Authorization: Bearer abc123' x",
        "export API_KEY=abc123; run",
        "run --password abc123=1 --token=abc123",
        "https://me:abc123@example.org/x",
        'run password="abc123 abc123"',
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    assert "abc123" not in log.shortened(text.replace("--password abc123=1 ", ""))


def test_a_failed_command_is_logged_with_what_it_complained_about() -> None:
    assert log.outcome_of(0, b"a warning") == "exit code 0"
    assert log.outcome_of(1, b" \n") == "exit code 1"
    assert log.outcome_of(127, b"sh: \xff: not\nfound\n") == "exit code 127, sh: \ufffd: not found"
    assert "hunter2" not in log.outcome_of(1, b"password=hunter2")


def test_a_long_command_is_cut() -> None:
    found = log.shortened("x" * 5000)
    assert len(found) < 350
    assert "5000 characters" in found


def test_hidden_words_are_in_no_line(tmp_path: Path) -> None:
    token = log.hide("0123456789abcdef")
    file = tmp_path / "log.txt"
    with log.written_to(file):
        logger.info("grep -qF %s lock; rm restore.json.%s.part; http://127.0.0.1/%s/x", token, token, token)
        try:
            raise ValueError(token)
        except ValueError:
            logger.exception("failed")
        logger.info("0123456789abcdef0 is another word")
    text = file.read_text(encoding="utf-8")
    assert text.count("<hidden>") == 4 and "0123456789abcdef0" in text
    assert token not in text.replace("0123456789abcdef0", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:s3cret@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("see postgresql+psycopg://u:a/b@c@h/d, and x@y", "see postgresql+psycopg://u:***@h/d, and x@y"),
        ("postgresql:///d?user=u&password=s3&sslmode=require", "postgresql:///d?user=u&password=***&sslmode=require"),
        ("https://lab:s3cret@h/hook", "https://lab:***@h/hook"),
        ('["postgresql://u:s@h/d", "http://h:80/a@b"]', '["postgresql://u:***@h/d", "http://h:80/a@b"]'),
        ("http://127.0.0.1:8080/tfjs@4.2/x.js", "http://127.0.0.1:8080/tfjs@4.2/x.js"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
    ],
)
def test_passwords_in_urls_are_masked(tmp_path: Path, text: str, shown: str) -> None:
    assert log.without_passwords(text) == shown
    with log.written_to(tmp_path / "log"):
        logger.info("opening %s", text)
    assert lines(tmp_path / "log")[0].endswith(f"opening {shown}")
