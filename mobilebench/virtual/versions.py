"""What changes on a virtual phone with each Android version; the table in `docs/virtual.md` is `markdown()`."""

from __future__ import annotations

from mobilebench.virtual import device_identity
from mobilebench.virtual.android import abilities, intents, screencap
from mobilebench.virtual.services import COLOUR_SPACE_SINCE, TRACK_APP_SINCE

CHANGES = (
    (intents.SENTENCE_SINCE, "a refusal of `am start` begins with a sentence"),
    (COLOUR_SPACE_SINCE, "the head of `framebuffer:` has a colour space"),
    (screencap.COLOURS_SINCE, "so has the head of a raw `screencap`"),
    (abilities.REMOUNT_IS_A_PROGRAM, "`remount:` runs a program, which a user build lacks"),
    (intents.COMMAND_IS_NAMED_SINCE, "exceptions of `am` begin with `Exception occurred while executing 'start'`"),
    (TRACK_APP_SINCE, "`track-app`"),
    (intents.FILTERS_BIND_SINCE, "`am start` refuses an activity whose filters do not match (`Error type 3`)"),
)
"""By API level: what is different from there on, besides features, commands and files."""


def markdown() -> str:
    """What each version has that the versions before it lack."""
    head = [
        "| Android (API level) | features of adbd | commands, properties and files | answers |",
        "|---|---|---|---|",
    ]
    return "".join(f"{line}\n" for line in [*head, *map(_row, device_identity.LEVELS.values())])


def _row(api: int) -> str:
    before = max((level for level in device_identity.LEVELS.values() if level < api), default=0)
    features = [f"`{name}`" for name in abilities.features(api) if name not in abilities.features(before)]
    rows = [row for row in abilities.ABILITIES if abilities.OLDEST < row.since <= api and row.since > before]
    titles = [f"`{row.title}`".replace("property ", "getprop ") for row in rows]
    titles += [f"`{path}` cannot be read, in this version only" for path in sorted(abilities.denied_files(api))]
    answers = [text for since, text in CHANGES if before < since <= api]
    columns = (f"{abilities.RELEASES[api]} ({api})", ", ".join(features), ", ".join(titles), "; ".join(answers))
    return f"| {' | '.join(columns)} |".replace("|  |", "| |").replace("|  |", "| |")
