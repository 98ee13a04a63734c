"""What weights can be named, and the user's own list of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mobilebench.core.errors import BadInput
from mobilebench.models import registry
from mobilebench.models.spec import Pretrained
from mobilebench.models.weights import sources
from tests.pinning import Pinned

SUM = "0123456789abcdef" * 4
URL = "https://example.org/weights.safetensors"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    return tmp_path


def weights(**other: Any) -> Pretrained:
    return Pretrained.model_validate({"url": URL, "sha256": SUM, **other})


def mistake() -> str:
    with pytest.raises(BadInput) as caught:
        sources.read()
    assert str(sources.file()) in caught.value.message
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:8000/a?b=c", "file:///srv/a%20b", "file://localhost/srv/ü"])
def test_these_urls_can_be_named(url: str) -> None:
    assert weights(url=url).url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/a", "must begin with"),
        ("weights.safetensors", "must begin with"),
        ("https:///a", "names no host"),
        ("https://me:secret@example.org/a", "must not hold a user or password"),
        ("https://example.org/a b", "space"),
        ("https://example.org/a\x1b[2J", "unprintable"),
        ("https://example.org/ü", "ASCII"),
        ("https://example.org:port/", "[Pp]ort"),
        ("file://server/share", "absolute path"),
    ],
)
def test_other_urls_are_refused(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        weights(url=url)


@pytest.mark.parametrize("digits", ["", "abc", SUM[:-1], SUM + "0", "g" * 64, "٣" * 64])
def test_a_sum_is_64_hexadecimal_digits(digits: str) -> None:
    with pytest.raises(ValidationError, match="64 hexadecimal digits"):
        weights(sha256=digits)


def test_a_sum_may_be_written_in_capitals() -> None:
    assert weights(sha256=SUM.upper()).sha256 == SUM


@pytest.mark.parametrize("licence", ["", "  ", "MIT\nand more", "\x1b[31mMIT"])
def test_a_licence_is_one_printable_line(licence: str) -> None:
    with pytest.raises(ValidationError, match="one line of text"):
        weights(licence=licence)


@dataclass(frozen=True)
class Shipped:
    pretrained: Pretrained


def test_the_users_weights_come_before_the_registrys(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped, own = weights(licence="MIT"), weights(licence="mine")
    monkeypatch.setattr(registry, "get", lambda name: Shipped(shipped))
    assert sources.named("squeezenet") == shipped
    sources.put("squeezenet", own)
    assert sources.named("squeezenet") == own
    assert sources.remove("squeezenet")
    assert sources.named("squeezenet") == shipped


def test_no_model_of_that_name_has_weights(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        sources.named("squeeze")


def test_without_a_list_nothing_is_named() -> None:
    assert sources.read() == {}
    assert sources.named("squeezenet") is None
    assert not sources.remove("squeezenet")


def test_other_entries_and_comments_stay(home: Path) -> None:
    mine = f"# mine\nsqueezenet:  # small\n  url: {URL}\n  sha256: {SUM}\n"
    text = f"\n# the text one\nbert_small: {{url: {URL}, sha256: {SUM}}}"
    (home / "weights.yaml").write_text(mine + text)
    other = weights(licence="CC BY 4.0: share", bytes=7)
    sources.put("mobilenet_v2", other)
    assert sources.read() == {"squeezenet": weights(), "bert_small": weights(), "mobilenet_v2": other}
    sources.put("squeezenet", other)
    assert sources.read()["squeezenet"] == other
    assert sources.remove("mobilenet_v2")
    assert sources.remove("squeezenet")
    assert (home / "weights.yaml").read_text() == "# mine\n" + text + "\n"


def test_a_list_in_yamls_other_style_is_changed_too(home: Path) -> None:
    (home / "weights.yaml").write_text(f"{{squeezenet: {{url: {URL}, sha256: {SUM}}}}}")
    sources.put("bert_small", weights(licence="MIT"))
    assert sources.read() == {"squeezenet": weights(), "bert_small": weights(licence="MIT")}


LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(licence=LINES, source=LINES)
def test_whatever_can_be_named_can_be_written_and_read(licence: str, source: str) -> None:
    try:
        named = weights(licence=licence, source=source)
    except ValidationError:
        return
    sources.file().unlink(missing_ok=True)
    sources.put("bert_small", weights())
    sources.put("squeezenet", named)
    assert sources.read() == {"bert_small": weights(), "squeezenet": named}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("squeezenet", "line 1, column 1: the list must hold model names"),
        ("squeezenet: 3", "line 1, column 13: `squeezenet` must hold url"),
        (f"squeezenet:\n  url: {URL}\n", "line 2, column 3: `squeezenet.sha256`: is missing"),
        (f"squeezenet:\n  url: {URL}\n  sha256: 12\n", "line 3, column 3: `squeezenet.sha256`: it must be 64 hex"),
        (f"squeezenet:\n  sha256: {SUM}\n  url: gopher://a\n", "line 3, column 3: `squeezenet.url`: it must begin"),
        (f"squeezenet:\n  url: {URL}\n  sha256: {SUM}\n  size: 3\n", "line 4.*`squeezenet.size`: there is no such key"),
        (f"squeezenet:\n  url: {URL}\n  sha256: {SUM}\n  bytes: -1\n", "line 4.*`squeezenet.bytes`: .*greater than 0"),
        (f"squeezenet:\n  url: [{URL}]\n", "line 2, column 8: `squeezenet.url` must be a single value"),
        (f"squeezenet:\n  url: {URL}\n  url: {URL}\n", "line 3.*`url` stands here twice"),
        (f"squeeze:\n  url: {URL}\n  sha256: {SUM}\n", "line 2.*no model 'squeeze'"),
        ("squeezenet: {url: ", "line 1, column .*not YAML"),
        ("squeezenet:\n\turl: a", "line 2, column 1: this is not YAML"),
        ("a: \x00", "is not YAML"),
        ("? [a]\n: b", "must hold model names"),
    ],
)
def test_a_mistake_in_the_list_is_told_by_line(home: Path, text: str, said: str) -> None:
    (home / "weights.yaml").write_text(text)
    assert re.search(said, mistake()), mistake()


def test_a_list_that_is_no_text_is_told(home: Path, pinned: Pinned) -> None:
    (home / "weights.yaml").write_bytes(b"a: \xff\xfe")
    pinned(mistake())


def test_a_list_that_is_far_too_large_is_not_read(home: Path, pinned: Pinned) -> None:
    (home / "weights.yaml").write_text("# " + "x" * 1_000_000)
    pinned(mistake())


def test_a_wrong_list_is_not_changed(home: Path) -> None:
    (home / "weights.yaml").write_text("squeezenet: 3\n")
    with pytest.raises(BadInput):
        sources.put("bert_small", weights())
    assert (home / "weights.yaml").read_text() == "squeezenet: 3\n"
