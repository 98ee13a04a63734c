"""What weights can be named, and the user's own list of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mobilebench.core.errors import BadInput, first_problem
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
    "url",
    [
        "ftp://example.org/a",
        "weights.safetensors",
        "https:///a",
        "https://me:secret@example.org/a",
        "https://example.org/a b",
        "https://example.org/a\x1b[2J",
        "https://example.org/ü",
        "https://example.org:port/",
        "file://server/share",
    ],
)
def test_other_urls_are_refused(url: str, pinned: Pinned) -> None:
    with pytest.raises(ValidationError) as caught:
        weights(url=url)
    pinned(first_problem(caught.value).sentence())


@pytest.mark.parametrize("digits", ["", "abc", SUM[:-1], SUM + "0", "g" * 64, "٣" * 64])
def test_a_sum_is_64_hexadecimal_digits(digits: str) -> None:
    with pytest.raises(ValidationError) as caught:
        weights(sha256=digits)
    assert first_problem(caught.value).path == ("sha256",)


def test_a_sum_may_be_written_in_capitals() -> None:
    assert weights(sha256=SUM.upper()).sha256 == SUM


@pytest.mark.parametrize("licence", ["", "  ", "MIT\nand more", "\x1b[31mMIT"])
def test_a_licence_is_one_printable_line(licence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        weights(licence=licence)
    assert first_problem(caught.value).path == ("licence",)


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
@pytest.mark.slow
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
    "text",
    [
        pytest.param("squeezenet", id="no mapping"),
        pytest.param("squeezenet: 3", id="no entry"),
        pytest.param(f"squeezenet:\n  url: {URL}\n", id="no sum"),
        pytest.param(f"squeezenet:\n  url: {URL}\n  sha256: 12\n", id="short sum"),
        pytest.param(f"squeezenet:\n  sha256: {SUM}\n  url: gopher://a\n", id="unknown scheme"),
        pytest.param(f"squeezenet:\n  url: {URL}\n  sha256: {SUM}\n  size: 3\n", id="unknown key"),
        pytest.param(f"squeezenet:\n  url: {URL}\n  sha256: {SUM}\n  bytes: -1\n", id="no bytes"),
        pytest.param(f"squeezenet:\n  url: [{URL}]\n", id="list of urls"),
        pytest.param(f"squeezenet:\n  url: {URL}\n  url: {URL}\n", id="url twice"),
        pytest.param(f"squeeze:\n  url: {URL}\n  sha256: {SUM}\n", id="unknown model"),
        pytest.param("squeezenet: {url: ", id="cut"),
        pytest.param("squeezenet:\n\turl: a", id="tab"),
        pytest.param("a: \x00", id="zero byte"),
        pytest.param("? [a]\n: b", id="list as key"),
    ],
)
def test_a_mistake_in_the_list_is_told_by_line(home: Path, text: str, pinned: Pinned) -> None:
    (home / "weights.yaml").write_text(text)
    pinned(mistake())


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
