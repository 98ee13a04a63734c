"""Which intents start a browser on which Android version."""

from __future__ import annotations

import pytest

from mobilebench.targets.android.apps import KNOWN_BROWSERS, BrowserApp
from mobilebench.virtual.android.apps import parse_start
from mobilebench.virtual.android.intents import (
    BROWSABLE,
    DEFAULT,
    LAUNCHER,
    MAIN,
    VIEW,
    Activity,
    ActivityRefused,
    Filter,
    Intent,
    manifest,
    resolve,
)

LEVELS = (24, 26, 28, 30, 31, 33, 34, 35, 36)
CHROME = "com.android.chrome"
FIREFOX = "org.mozilla.firefox"
ALIAS = f"{CHROME}/com.google.android.apps.chrome"
RECEIVER = f"{FIREFOX}/org.mozilla.fenix.IntentReceiverActivity"
INSTALLED = {package: manifest(package) for package in (CHROME, FIREFOX)}


def _filter(action: str, *categories: str, schemes: tuple[str, ...] = ()) -> Filter:
    return Filter(frozenset({action}), frozenset(categories), frozenset(schemes))


def _of_web(name: str, *schemes: str) -> Activity:
    return Activity(name, (_filter(VIEW, DEFAULT, BROWSABLE, schemes=schemes),))


STRANGERS = {
    "about, http and https": (_of_web("a.Web", "about", "http", "https"),),
    "http and https": (_of_web("a.Web", "http", "https"),),
    "a launcher that is a default": (Activity("a.Main", (_filter(MAIN, DEFAULT, LAUNCHER),)),),
}
"""Manifests that other browsers may have."""


def starts(command: str, installed: dict[str, tuple[Activity, ...]], api: int) -> str:
    return resolve(parse_start(command.split()[2:]).intent, installed, api)


@pytest.mark.parametrize("api", LEVELS)
@pytest.mark.parametrize("name", [name for name, app in KNOWN_BROWSERS.items() if app.kind != "chromium"])
def test_every_browser_whose_manifest_is_known_starts_at_the_first_attempt(name: str, api: int) -> None:
    app = KNOWN_BROWSERS[name]
    assert starts(app.starts[0], {app.package: manifest(app.package)}, api) == app.package


@pytest.mark.parametrize("api", LEVELS)
@pytest.mark.parametrize("declared", STRANGERS)
@pytest.mark.parametrize("package", ["com.sec.android.app.sbrowser", "com.microsoft.emmx", "com.example.declared"])
def test_a_browser_whose_manifest_is_not_known_starts_by_one_of_the_attempts(
    package: str, declared: str, api: int
) -> None:
    opened = []
    for command in BrowserApp(package, package).starts:
        try:
            opened.append(starts(command, {package: STRANGERS[declared]}, api))
        except ActivityRefused as refused:
            assert "unable to resolve" in refused.lines[0]
    assert opened and set(opened) == {package}


@pytest.mark.parametrize("api", LEVELS)
def test_a_firefox_without_its_receiver_starts_by_its_launcher(api: int) -> None:
    only_launcher = {FIREFOX: tuple(one for one in manifest(FIREFOX) if one.name.endswith(".App"))}
    first, second = KNOWN_BROWSERS["firefox"].starts
    with pytest.raises(ActivityRefused, match="does not exist"):
        starts(first, only_launcher, api)
    assert starts(second, only_launcher, api) == FIREFOX


@pytest.mark.parametrize(
    "words",
    [
        f"-n {ALIAS}.Main -a {VIEW} -d about:blank",
        f"-n {ALIAS}.Main -a {VIEW} -d https://example.org",
        f"-n {ALIAS}.IntentDispatcher -a {MAIN} -c {LAUNCHER}",
        f"-n {ALIAS}.IntentDispatcher -a {VIEW} -d data:,x",
        f"-n {CHROME}/org.chromium.chrome.browser.ChromeTabbedActivity -a {VIEW} -d about:blank",
        f"-n {RECEIVER} -a {VIEW} -d about:blank",
        f"-n {RECEIVER} -a {MAIN} -c {LAUNCHER}",
        f"-n {FIREFOX}/.App -a {VIEW} -d http://127.0.0.1/",
    ],
)
def test_an_explicit_intent_is_bound_by_filters_from_android_13_on(words: str) -> None:
    command = f"am start {words}"
    for api in LEVELS:
        if api < 33:
            assert starts(command, INSTALLED, api) == words.split()[1].partition("/")[0]
        else:
            with pytest.raises(ActivityRefused, match="does not exist"):
                starts(command, INSTALLED, api)


@pytest.mark.parametrize("api", LEVELS)
@pytest.mark.parametrize(
    "words",
    [
        f"-n {ALIAS}.Main -a {MAIN} -c {LAUNCHER}",
        f"{ALIAS}.Main",
        f"-n {ALIAS}.Main",
        f"-n {ALIAS}.IntentDispatcher -a {VIEW} -d about:blank",
        f"-p {CHROME} -a {VIEW} -d https://example.org",
        f"-a {VIEW} -d about:blank {CHROME}",
        CHROME,
        f"-W -S --user 0 -p {FIREFOX} -a {VIEW} -d https://example.org --es args x",
        f"-n {FIREFOX}/.App -a {MAIN} -c {LAUNCHER}",
        f"-n {FIREFOX}/org.mozilla.gecko.BrowserApp -a {VIEW} -d about:blank",
    ],
)
def test_intents_that_match_a_filter_start_on_every_android(words: str, api: int) -> None:
    assert starts(f"am start {words}", INSTALLED, api) in INSTALLED


@pytest.mark.parametrize("api", LEVELS)
@pytest.mark.parametrize(
    "words",
    [
        FIREFOX,  # its launcher is no default
        f"-p {FIREFOX} -a {VIEW} -d about:blank",
        f"-p {CHROME} -a {VIEW} -d content://a",
        f"-p com.example -a {VIEW} -d about:blank",
        f"-p {CHROME} -a {VIEW} -c android.intent.category.HOME -d about:blank",
    ],
)
def test_an_implicit_intent_needs_a_filter_with_the_category_default(words: str, api: int) -> None:
    with pytest.raises(ActivityRefused, match="unable to resolve Intent"):
        starts(f"am start {words}", INSTALLED, api)


@pytest.mark.parametrize(
    ("api", "exception"), [(24, "java.lang."), (28, "Security exception: "), (30, "Exception occurred while executing")]
)
def test_an_activity_that_is_not_exported_is_denied(api: int, exception: str) -> None:
    first_run = f"{CHROME}/org.chromium.chrome.browser.firstrun.FirstRunActivity"
    with pytest.raises(ActivityRefused) as caught:
        resolve(Intent(component=first_run), INSTALLED, api)
    assert caught.value.code == 255
    assert exception in "\n".join(caught.value.lines) and "not exported from uid" in "\n".join(caught.value.lines)


def test_an_app_that_is_not_installed_has_no_activities() -> None:
    with pytest.raises(ActivityRefused) as caught:
        resolve(Intent(component="com.example/com.example.Main"), INSTALLED, 36)
    assert caught.value.lines == (
        "Error type 3",
        "Error: Activity class {com.example/com.example.Main} does not exist.",
    )
