"""The browsers that a phone may have, by the names that suites, cases and results use."""

from __future__ import annotations

from dataclasses import dataclass

_CHROME_START = "com.google.android.apps.chrome.Main"


@dataclass(frozen=True)
class BrowserApp:
    """A browser that is driven through its DevTools socket."""

    title: str
    package: str
    activity: str | None = None
    """Started by name; None: whatever the app opens a page with."""
    socket: str | None = "chrome_devtools_remote"
    """Where it listens; None: its name is looked up while it runs."""

    @property
    def is_chrome(self) -> bool:
        """It reads Chrome's command-line file, and shares Chrome's socket with the other Chromes."""
        return self.activity is not None

    @property
    def start(self) -> str:
        """The command that opens it with an empty page."""
        component = f"-n {self.package}/{self.activity}" if self.activity else f"-p {self.package}"
        return f"am start {component} -a android.intent.action.VIEW -d about:blank"


DRIVEN = {
    "chrome": BrowserApp("Chrome", "com.android.chrome", _CHROME_START),
    "chrome@beta": BrowserApp("Chrome Beta", "com.chrome.beta", _CHROME_START),
    "chrome@dev": BrowserApp("Chrome Dev", "com.chrome.dev", _CHROME_START),
    "chrome@canary": BrowserApp("Chrome Canary", "com.chrome.canary", _CHROME_START),
    "chrome@chromium": BrowserApp("Chromium", "org.chromium.chrome", _CHROME_START),
    "chrome@samsung": BrowserApp("Samsung Internet", "com.sec.android.app.sbrowser", socket=None),
    "chrome@edge": BrowserApp("Edge", "com.microsoft.emmx", socket=None),
}

BROWSERS = {name: app.package for name, app in DRIVEN.items()} | {
    "firefox": "org.mozilla.firefox",
    "firefox@beta": "org.mozilla.firefox_beta",
    "firefox@nightly": "org.mozilla.fenix",
}
"""Name to package of every browser that is looked for."""
