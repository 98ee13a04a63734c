"""Resolve which activity an intent starts, from the filters in the apps' manifests and the Android version.

The manifests are reduced to the parts that start a browser. They follow Chromium's
`chrome/android/java/AndroidManifest.xml` and Firefox's `mobile/android/fenix/app/src/main/AndroidManifest.xml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mobilebench.virtual.state import FIREFOXES

MAIN = "android.intent.action.MAIN"
VIEW = "android.intent.action.VIEW"
LAUNCHER = "android.intent.category.LAUNCHER"
DEFAULT = "android.intent.category.DEFAULT"
BROWSABLE = "android.intent.category.BROWSABLE"
APP_BROWSER = "android.intent.category.APP_BROWSER"

SENTENCE_SINCE = 26
"""API level from which `am` says in a sentence why an activity is refused, before the exception."""
COMMAND_IS_NAMED_SINCE = 30
"""API level from which `am` names its command before an exception."""
FILTERS_BIND_SINCE = 33
"""API level from which explicit intents also have to match a filter, if the activity declares any."""


@dataclass(frozen=True)
class Intent:
    """The intent of an `am start`."""

    action: str | None = None
    data: str | None = None
    categories: tuple[str, ...] = ()
    component: str | None = None
    """`package/full.name.of.the.Activity`."""
    package: str | None = None

    @property
    def scheme(self) -> str:
        return (self.data or "").partition(":")[0].lower() if ":" in (self.data or "") else ""

    @property
    def text(self) -> str:
        """The intent as Android prints it."""
        parts = [
            f"act={self.action}" if self.action else "",
            f"cat=[{','.join(self.categories)}]" if self.categories else "",
            f"dat={self.data}" if self.data else "",
            f"pkg={self.package}" if self.package else "",
            f"cmp={shortened(self.component)}" if self.component else "",
        ]
        return f"Intent {{ {' '.join(part for part in parts if part)} }}"


@dataclass(frozen=True)
class Filter:
    """An `intent-filter` of a manifest."""

    actions: frozenset[str]
    categories: frozenset[str] = frozenset()
    schemes: frozenset[str] = frozenset()

    def matches(self, intent: Intent) -> bool:
        """By Android's three tests: action, categories and data. An intent without an action passes the first."""
        if intent.action is not None and intent.action not in self.actions:
            return False
        if not self.categories.issuperset(intent.categories):
            return False
        return intent.scheme in self.schemes if intent.scheme else not self.schemes


@dataclass(frozen=True)
class Activity:
    """An activity or an alias of one."""

    name: str
    filters: tuple[Filter, ...] = ()
    exported: bool = True


@dataclass(frozen=True)
class ActivityRefused(Exception):
    """No activity is started; holds the lines that `am` prints."""

    lines: tuple[str, ...]
    code: int = 0
    """Exit code of `am`, which is 0 although nothing was started, unless the system throws an exception."""


def shortened(component: str) -> str:
    """`a.b/.C` for `a.b/a.b.C`, as Android prints components."""
    package, _, name = component.partition("/")
    return f"{package}/{name.removeprefix(package)}" if name.startswith(f"{package}.") else component


def _filter(action: str, *categories: str, schemes: tuple[str, ...] = ()) -> Filter:
    return Filter(frozenset({action}), frozenset(categories), frozenset(schemes))


_CHROMIUM = (
    Activity(
        "com.google.android.apps.chrome.Main",
        (_filter(MAIN, DEFAULT, LAUNCHER, BROWSABLE, APP_BROWSER),),
    ),
    Activity(
        "com.google.android.apps.chrome.IntentDispatcher",
        (
            _filter(MAIN, "android.intent.category.NOTIFICATION_PREFERENCES"),
            _filter(VIEW, DEFAULT, BROWSABLE, schemes=("googlechrome", "http", "https", "about")),
            _filter("android.intent.action.SEARCH"),
        ),
    ),
    Activity(
        "org.chromium.chrome.browser.ChromeTabbedActivity",
        (_filter("org.chromium.chrome.browser.dummy.action", "com.google.intent.category.DAYDREAM"),),
    ),
    Activity("org.chromium.chrome.browser.document.ChromeLauncherActivity", exported=False),
    Activity("org.chromium.chrome.browser.firstrun.FirstRunActivity", exported=False),
    Activity("org.chromium.chrome.browser.customtabs.CustomTabActivity", exported=False),
)


def _fenix(package: str) -> tuple[Activity, ...]:
    return (
        Activity(f"{package}.App", (_filter(MAIN, LAUNCHER),)),
        Activity("org.mozilla.gecko.BrowserApp"),
        Activity("org.mozilla.fenix.HomeActivity", (_filter(VIEW, DEFAULT, BROWSABLE, schemes=("fenix",)),)),
        Activity(
            "org.mozilla.fenix.IntentReceiverActivity",
            (
                _filter(MAIN, DEFAULT, APP_BROWSER),
                _filter(VIEW, DEFAULT, BROWSABLE, schemes=("http", "https")),
                _filter("android.intent.action.SEARCH", DEFAULT),
            ),
        ),
        Activity("org.mozilla.fenix.customtabs.ExternalAppBrowserActivity", exported=False),
    )


def manifest(package: str) -> tuple[Activity, ...]:
    """The activities of a browser."""
    return _fenix(package) if package in FIREFOXES else _CHROMIUM


def resolve(intent: Intent, installed: Mapping[str, tuple[Activity, ...]], api: int) -> str:
    """Return the package whose activity is started.

    Args:
        intent: the intent to resolve.
        installed: the activities of every app that can be started, by package.
        api: the phone's API level.

    Raises:
        ActivityRefused: there is no such activity, or it does not accept this intent.
    """
    if intent.component:
        return _explicit(intent, intent.component, installed, api)
    for package, activities in installed.items():
        if intent.package in (None, package) and any(_takes(activity, intent) for activity in activities):
            return package
    raise ActivityRefused((f"Error: Activity not started, unable to resolve {intent.text}",))


def _takes(activity: Activity, intent: Intent) -> bool:
    """Whether an implicit intent matches this activity; only filters with the category DEFAULT count."""
    return activity.exported and any(
        intent_filter.matches(intent) and DEFAULT in intent_filter.categories for intent_filter in activity.filters
    )


def _explicit(intent: Intent, component: str, installed: Mapping[str, tuple[Activity, ...]], api: int) -> str:
    package, _, name = component.partition("/")
    activity = next((candidate for candidate in installed.get(package, ()) if candidate.name == name), None)
    bound = api >= FILTERS_BIND_SINCE and activity is not None and activity.filters
    if activity is None or (bound and not any(intent_filter.matches(intent) for intent_filter in activity.filters)):
        missing = f"Error: Activity class {{{component}}} does not exist."
        raise ActivityRefused(("Error type 3", missing))
    if not activity.exported:
        denied = f"Permission Denial: starting {intent.text} from null (pid=4711, uid=2000) not exported from uid 10120"
        raise ActivityRefused(_thrown(f"java.lang.SecurityException: {denied}", api), code=255)
    return package


def _thrown(exception: str, api: int) -> tuple[str, ...]:
    if api < SENTENCE_SINCE:
        return (exception,)
    if api < COMMAND_IS_NAMED_SINCE:
        return (f"Security exception: {exception.partition(': ')[2]}", "", exception)
    return ("", "Exception occurred while executing 'start':", exception)
