"""Browsers that a phone may have, under the names used in suites, cases and results, and which of them it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mobilebench.browsers import builds, names
from mobilebench.core.errors import Unsupported
from mobilebench.recorders import reading

_MAIN = "-a android.intent.action.MAIN -c android.intent.category.LAUNCHER"
_VIEW = "-a android.intent.action.VIEW -d"
_NO_PAGE = "http://127.0.0.1/"
"""An address on the phone's loopback that nothing serves: for browsers whose `about:blank` no other app can open."""

Kind = Literal["chrome", "chromium", "firefox"]


@dataclass(frozen=True)
class BrowserApp:
    """A browser on a phone, and how it is driven."""

    title: str
    package: str
    kind: Kind = "chromium"
    """`chrome`: reads Chrome's command-line file; `chromium`: built on Chromium, may read another file or none."""
    socket: str | None = None
    """The DevTools socket that it listens on; None: the name is looked up while the browser runs."""
    flags: tuple[str, ...] = ()
    """Flags that a build is always started with (`--browser-path NAME=PACKAGE FLAGS`)."""

    @property
    def is_chrome(self) -> bool:
        """Whether it reads Chrome's command-line file and shares one DevTools socket with the other Chrome builds."""
        return self.kind == "chrome"

    @property
    def is_firefox(self) -> bool:
        """Whether it reads a GeckoView configuration file and speaks WebDriver BiDi."""
        return self.kind == "firefox"

    @property
    def starts(self) -> tuple[str, ...]:
        """Commands that open it; they are tried in this order until the phone finds an activity for one.

        From Android 13 on, an intent has to match a filter of the activity even if it names the activity. Chromium's
        filter for VIEW has http, https and about, and belongs to a different activity than MAIN; neither
        name is needed when only the package is given. Firefox's filter for VIEW has http and https.
        """
        if self.is_firefox:
            return (
                f"am start -n {self.package}/org.mozilla.fenix.IntentReceiverActivity {_VIEW} {_NO_PAGE}",
                f"am start -n {self.package}/{self.package}.App {_MAIN}",
            )
        package = f"am start -p {self.package}"
        return (f"{package} {_VIEW} about:blank", f"{package} {_VIEW} {_NO_PAGE}", f"{package} {_MAIN}")


def _chrome(title: str, package: str) -> BrowserApp:
    return BrowserApp(title, package, "chrome", "chrome_devtools_remote")


KNOWN_BROWSERS = {
    "chrome": _chrome("Chrome", "com.android.chrome"),
    "chrome@beta": _chrome("Chrome Beta", "com.chrome.beta"),
    "chrome@dev": _chrome("Chrome Dev", "com.chrome.dev"),
    "chrome@canary": _chrome("Chrome Canary", "com.chrome.canary"),
    "chrome@chromium": _chrome("Chromium", "org.chromium.chrome"),
    "chrome@samsung": BrowserApp("Samsung Internet", "com.sec.android.app.sbrowser"),
    "chrome@edge": BrowserApp("Edge", "com.microsoft.emmx"),
    "firefox": BrowserApp("Firefox", "org.mozilla.firefox", "firefox"),
    "firefox@beta": BrowserApp("Firefox Beta", "org.mozilla.firefox_beta", "firefox"),
    "firefox@nightly": BrowserApp("Firefox Nightly", "org.mozilla.fenix", "firefox"),
}
_BY_PACKAGE = {app.package: app for app in KNOWN_BROWSERS.values()}


def packages() -> dict[str, str]:
    """Map the name of every browser to look for (known here or declared as a build) to its package."""
    by_name = {name: app.package for name, app in KNOWN_BROWSERS.items()}
    return by_name | {build.name: build.package for build in builds.of_phones()}


def title(name: str) -> str:
    """Title for messages: the browser's own name, or its package."""
    package = packages().get(name, name)
    known = _BY_PACKAGE.get(package)
    return known.title if known else package


def browser_app(name: str) -> BrowserApp | None:
    """Return the browser of this name, or None if there is none.

    Raises:
        Unsupported: a build's name and its package indicate different kinds of browser.
    """
    build = next((declared for declared in builds.of_phones() if declared.name == name), None)
    if build is None:
        return KNOWN_BROWSERS.get(name)
    app = _BY_PACKAGE.get(build.package, BrowserApp(build.package, build.package))
    if app.is_firefox != (names.family(name) == "firefox"):
        kind = names.TITLES[names.family(name)]
        raise Unsupported(f"{name} names the package {build.package}, which is not known as a {kind}.")
    return replace(app, flags=build.flags)


# Installed apps, from `dumpsys package`

_PACKAGE_MARK = "@package "
_HEADING = re.compile(r"^(\S.*):\s*$")
_PACKAGE = re.compile(r"^\s+Package \[([\w.]+)\]")
_VERSION = re.compile(r"^\s+versionName=(\S{1,100})(?!\S)")
_USER = re.compile(r"^\s+User ([0-9]{1,9}):\s(.*\binstalled=.*)$")
_DISABLED = {"2", "3", "4"}
"""Values of Android's `COMPONENT_ENABLED_STATE`: disabled, disabled by the user, disabled until used."""


@dataclass(frozen=True)
class Installed:
    """An app installed on the phone."""

    version: str | None
    why_not: str | None
    """Why it cannot be used, as the end of a sentence that starts with its name."""


@dataclass(frozen=True)
class PackageAnswers:
    """The phone's answers about the requested packages."""

    found: Mapping[str, Installed]
    """Installed apps by package; absent packages have no entry."""
    refusal: str | None = None
    """Why some packages are unknown, as a clause."""


def packages_question(requested: Sequence[str]) -> str:
    """Shell program that prints the lines of `dumpsys package` that `parse_packages` reads.

    Args:
        requested: the packages to look up.
    """
    quoted = " ".join(map(shlex.quote, requested))
    lines = r"^[^ ]|^ *Package \[|versionName=|installed=|[aA]rchive"
    each = f"echo '{_PACKAGE_MARK}'$p; dumpsys package $p 2>&1"
    return f"for p in {quoted}; do {each}; done | grep -E '{lines}'; true"


def parse_current_user(text: str) -> int:
    """User number printed by `am get-current-user`; if it prints none, 0, which exists on every phone."""
    match = re.fullmatch(r"\s*(\d{1,4})\s*", text)
    return int(match[1]) if match else 0


def parse_packages(text: str, user: int) -> PackageAnswers:
    """Parse the phone's answers for the user with this number."""
    installed: dict[str, Installed] = {}
    refusal = None
    for part in text.split(_PACKAGE_MARK)[1:]:
        name, _, answer = part.partition("\n")
        package = name.strip()
        app = _app(answer, package, user)
        if app is not None:
            installed[package] = app
        elif "Unable to find package" not in answer:
            refusal = refusal or _why_nothing(answer)
    return PackageAnswers(installed, refusal)


def _why_nothing(answer: str) -> str | None:
    """Why the answer has no package list, so that a missing package cannot be detected; or None."""
    if re.search(r"^Packages:", answer, re.MULTILINE):
        return None
    return reading.refusal("package", answer) or "the phone's answer to `dumpsys package` lists no packages"


def _app(answer: str, package: str, user: int) -> Installed | None:
    """Read the section `Packages:`; the section `Hidden system packages:` lists the factory versions instead."""
    section = ""
    inside = False
    seen = False
    version = None
    users: dict[int, str] = {}
    last_user = None
    for line in answer.splitlines():
        if heading := _HEADING.match(line):
            section, inside = heading[1], False
        elif section != "Packages":
            continue
        elif package_line := _PACKAGE.match(line):
            inside = package_line[1] == package and not seen
            seen = seen or inside
        elif inside and (match := _VERSION.match(line)):
            version = version or match[1]
        elif inside and (match := _USER.match(line)):
            last_user = int(match[1])
            users[last_user] = match[2]
        elif inside and last_user is not None and "rchive" in line:
            users[last_user] += " archived=true"
    if not seen:
        return None
    known_version = None if version in (None, "null") else version
    return Installed(known_version, _why_not(users, user) or (None if known_version else "does not report its version"))


def _why_not(users: Mapping[int, str], user: int) -> str | None:
    if not users:
        return None
    fields = dict(word.partition("=")[::2] for word in users.get(user, "installed=false").split())
    if fields.get("archived") == "true":
        return "is archived on this phone: only its icon is left"
    if fields.get("installed") == "false":
        other_users = [str(number) for number, text in users.items() if "installed=true" in text.split()]
        suffix = f", only for user {' and '.join(other_users)}" if other_users else ""
        return f"is not installed for this phone's current user ({user}){suffix}"
    if fields.get("enabled") in _DISABLED:
        return "is disabled on this phone"
    for state in ("hidden", "suspended", "quarantined"):
        if fields.get(state) == "true":
            return f"is {state} on this phone"
    return None
