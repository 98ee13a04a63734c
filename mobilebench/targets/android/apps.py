"""Browsers that a phone may have, under the names used in suites, cases and results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from mobilebench.browsers import builds, names
from mobilebench.core.errors import Unsupported

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
    """Map the name of every browser to look for (known here or declared as a build) to its package."""
    known = {name: app.package for name, app in DRIVEN.items()}
    return known | {build.name: build.package for build in builds.of_phones()}


def title(name: str) -> str:
    """Title for messages: the browser's own name, or its package."""
    package = packages().get(name, name)
    known = _BY_PACKAGE.get(package)
    return known.title if known else package


def app_of(name: str) -> BrowserApp | None:
    """Return the browser of this name, or None if there is none.

    Raises:
        Unsupported: a build's name and its package indicate different kinds of browser.
    """
    build = next((one for one in builds.of_phones() if one.name == name), None)
    if build is None:
        return DRIVEN.get(name)
    app = _BY_PACKAGE.get(build.package, BrowserApp(build.package, build.package))
    if app.is_firefox != (names.family(name) == "firefox"):
        kind = names.TITLES[names.family(name)]
        raise Unsupported(f"{name} names the package {build.package}, which is not known as a {kind}.")
    return replace(app, flags=build.flags)
