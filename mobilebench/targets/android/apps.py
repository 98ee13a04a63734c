"""The browsers that a phone may have, by the names that suites, cases and results use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from mobilebench.browsers import builds, names
from mobilebench.core.errors import Unsupported

_MAIN = "-a android.intent.action.MAIN -c android.intent.category.LAUNCHER"
_VIEW = "-a android.intent.action.VIEW -d"
_NO_PAGE = "http://127.0.0.1/"
"""The phone's own loopback, where nothing answers: for browsers that open no `about:blank` for others."""

Kind = Literal["chrome", "chromium", "firefox"]


@dataclass(frozen=True)
class BrowserApp:
    """A browser of phones, and how it is driven."""

    title: str
    package: str
    kind: Kind = "chromium"
    """`chrome`: reads Chrome's command-line file; `chromium`: built on Chromium, and reads any or no such file."""
    socket: str | None = None
    """Where it listens for DevTools; None: its name is looked up while it runs."""
    flags: tuple[str, ...] = ()
    """That a build is always started with (`--browser-path NAME=PACKAGE FLAGS`)."""

    @property
    def is_chrome(self) -> bool:
        """It reads Chrome's command-line file, and shares Chrome's socket with the other Chromes."""
        return self.kind == "chrome"

    @property
    def is_firefox(self) -> bool:
        """It reads a configuration file of GeckoView, and speaks WebDriver BiDi."""
        return self.kind == "firefox"

    @property
    def starts(self) -> tuple[str, ...]:
        """Commands that open it, to be tried in this order until the phone finds an activity for one.

        From Android 13 on an intent has to match a filter of the activity, also when it names the activity. Chromium's
        filter for VIEW has http, https and about, and belongs to another activity than the one that has MAIN; the
        name of neither has to be known when the package alone is named. Firefox's filter for VIEW has http and https.
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


DRIVEN = {
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
_BY_PACKAGE = {app.package: app for app in DRIVEN.values()}


def packages() -> dict[str, str]:
    """Name to package of every browser that is looked for: those known here, and builds that were declared."""
    known = {name: app.package for name, app in DRIVEN.items()}
    return known | {build.name: build.package for build in builds.of_phones()}


def title(name: str) -> str:
    """For sentences: what the browser of this name calls itself, or its package."""
    package = packages().get(name, name)
    known = _BY_PACKAGE.get(package)
    return known.title if known else package


def app_of(name: str) -> BrowserApp | None:
    """The browser of this name; None when there is none.

    Raises:
        Unsupported: a build's name and its package say different kinds of browser.
    """
    build = next((one for one in builds.of_phones() if one.name == name), None)
    if build is None:
        return DRIVEN.get(name)
    app = _BY_PACKAGE.get(build.package, BrowserApp(build.package, build.package))
    if app.is_firefox != (names.family(name) == "firefox"):
        kind = names.TITLES[names.family(name)]
        raise Unsupported(f"{name} names the package {build.package}, which is not known as a {kind}.")
    return replace(app, flags=build.flags)
