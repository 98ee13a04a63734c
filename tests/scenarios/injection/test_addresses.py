"""Addresses of pages, and files that are served as pages."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.scenarios import own
from mobilebench.scenarios.base import NEXT_STEPS, Outcome, of_net_error
from mobilebench.scenarios.injection import addresses
from mobilebench.scenarios.injection.chrome_page import isolated_headers
from mobilebench.scenarios.injection.firefox_page import continued
from mobilebench.scenarios.injection.foreign_page import ISOLATING
from mobilebench.targets.host import HostTarget, describe


@pytest.mark.parametrize("page", ["http://a.example", "https://a.example:8443/x?y#z", "http://[::1]/"])
def test_an_address_is_taken_as_it_is(page: str) -> None:
    with addresses.reachable(page, HostTarget(describe())) as url:
        assert url == page


@pytest.mark.parametrize("page", ["ftp://a.example/x", "file:///etc/passwd", "https:///x", "http://[", "chrome://gpu"])
def test_other_addresses_are_refused(page: str) -> None:
    with pytest.raises(BadInput), addresses.reachable(page, HostTarget(describe())):
        pytest.fail("it was taken")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(BadInput, match="There is no file"),
        addresses.reachable(str(tmp_path / "page.html"), HostTarget(describe())),
    ):
        pytest.fail("it was taken")


@pytest.mark.usefixtures("closed_pages")
def test_a_file_is_served_with_those_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mobilebench.core import paths

    built = tmp_path / "built"
    built.mkdir()
    (built / "bench.html").write_text("ours")
    monkeypatch.setattr(paths, "web_pages", lambda: built)
    site = tmp_path / "site"
    (site / "parts").mkdir(parents=True)
    (site / "my page.html").write_text("the page")
    (site / "parts" / "a.js").write_text("a script")
    (site / "link").symlink_to("/etc/hostname")
    with addresses.reachable(str(site / "my page.html"), HostTarget(describe())) as url:
        assert urllib.request.urlopen(url).read() == b"the page"
        assert urllib.request.urlopen(urljoin(url, "parts/a.js")).read() == b"a script"
        with pytest.raises(HTTPError):
            urllib.request.urlopen(urljoin(url, "link"))


@pytest.mark.usefixtures("closed_pages")
def test_a_folder_with_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "MOST_FILES", 1)
    for name in ("page.html", "a"):
        (tmp_path / name).touch()
    with (
        pytest.raises(BadInput, match="more than 1 files"),
        addresses.reachable(str(tmp_path / "page.html"), HostTarget(describe())),
    ):
        pytest.fail("it was served")


def test_names_are_resolved_only_where_needed() -> None:
    for browser in ("chrome", "firefox"):
        assert addresses.flags_for("http://127.0.0.1:1/", browser) == ()
        assert addresses.flags_for("http://x.localhost/", browser) == ()
        assert addresses.flags_for("page.html", browser) == ()
    assert addresses.flags_for("https://a.example/", "chrome@beta") == ("--host-resolver-rules=",)
    assert addresses.flags_for("https://a.example/", "firefox") == ("network.proxy.type=0",)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("net::ERR_CERT_AUTHORITY_INVALID", "invalid TLS"),
        ("net::ERR_SSL_PROTOCOL_ERROR", "invalid TLS"),
        ("net::ERR_NAME_NOT_RESOLVED", "unreachable"),
        ("net::ERR_TOO_MANY_REDIRECTS", "too many redirects"),
        ("net::ERR_ABORTED", "not a page"),
        ("net::ERR_INVALID_AUTH_CREDENTIALS", "error page"),
        ("net::ERR_SOMETHING_NEW", "unreachable"),
        ("Error: NS_ERROR_UNKNOWN_HOST", "unreachable"),
        (
            "Error: NS_ERROR_GENERATE_FAILURE(NS_ERROR_MODULE_SECURITY, MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT)",
            "invalid TLS",
        ),
        ("Error: NS_ERROR_REDIRECT_LOOP", "too many redirects"),
        ("Error: NS_BINDING_ABORTED", "not a page"),
        ("Error: NS_ERROR_CONNECTION_REFUSED", "unreachable"),
    ],
)
def test_errors_of_the_network_have_a_name_and_a_next_step(text: str, outcome: Outcome) -> None:
    assert of_net_error(text) == outcome
    assert NEXT_STEPS[outcome]


def test_a_document_keeps_its_headers_beside_those_that_isolate_it() -> None:
    headers = [
        {"name": "Content-Type", "value": "text/html"},
        {"name": "Content-Encoding", "value": "br"},
        {"name": "Cross-Origin-Opener-Policy", "value": "unsafe-none"},
        {"name": "Set-Cookie", "value": "a=1"},
        {"name": "Set-Cookie", "value": "b=2"},
        "no header",
    ]
    found = [(one["name"], one["value"]) for one in isolated_headers(headers)]
    assert found == [
        ("Content-Type", "text/html"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "credentialless"),
        ("cross-origin-resource-policy", "cross-origin"),
    ]
    assert len(isolated_headers(None)) == 3


def held(destination: str, status: int = 200) -> dict[str, Any]:
    """What Firefox reports about a response that it holds."""
    headers = [
        {"name": name, "value": {"type": "string", "value": value}}
        for name, value in (("Content-Type", "text/html"), ("Content-Security-Policy", "x"), ("Set-Cookie", "a=1"))
    ]
    request = {"request": "7", "destination": destination}
    return {"request": request, "response": {"status": status, "headers": headers}}


def test_in_firefox_a_document_goes_on_without_its_policy() -> None:
    headers = continued(held("document"), isolate=False)["headers"]
    assert [one["name"] for one in headers] == ["Content-Type", "Set-Cookie"]
    isolated = continued(held("iframe"), isolate=True)["headers"]
    assert [one["name"] for one in isolated[2:]] == list(ISOLATING)


@pytest.mark.parametrize("event", [held("image"), held("script"), held("document", 302), held("")])
def test_in_firefox_other_responses_go_on_as_they_are(event: dict[str, Any]) -> None:
    assert continued(event, isolate=True) == {"request": "7"}
