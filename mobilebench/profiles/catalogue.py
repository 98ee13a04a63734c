"""The device profiles: read from YAML files, and found by their id or by a phone's Android properties.

Errors in a file name file, line and key.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mobilebench.core import paths
from mobilebench.core.errors import BadInput, first_problem
from mobilebench.profiles.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import yaml
    from pydantic import ValidationError


def user_folder() -> Path:
    """Folder of the user's own profiles."""
    return paths.home() / "device_profiles"


def all_profiles() -> tuple[Profile, ...]:
    """Return the user's profiles, then the shipped ones; a user's profile replaces a shipped one of the same id.

    Raises:
        BadInput: a profile is malformed.
    """
    user_profiles = _read_folder(user_folder())
    replaced = {profile.id for profile in user_profiles}
    return user_profiles + tuple(
        profile for profile in _read_folder(paths.device_profiles()) if profile.id not in replaced
    )


def load(profile_id: str) -> Profile:
    """Return one profile by its id, such as `snapdragon-8-gen-2`.

    Raises:
        BadInput: there is no such profile, or one is malformed.
    """
    profiles = {profile.id: profile for profile in all_profiles()}
    if profile_id not in profiles:
        raise BadInput(
            f"There is no device profile “{profile_id}”.", hint=f"These exist: {', '.join(sorted(profiles))}."
        )
    return profiles[profile_id]


def read_file(file: Path) -> Profile:
    """Read one profile from a YAML file, whose name is the profile's id.

    Raises:
        BadInput: it is not YAML, or does not follow the schema; line and key are named.
    """
    import yaml
    from pydantic import ValidationError

    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        _refuse_repeated_keys(node, file)
        profile = Profile.model_validate(yaml.SafeLoader("").construct_document(node) if node else {})
    except UnicodeDecodeError as error:
        raise _mistake(file, 1, f"is not UTF-8 text ({error.reason})") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _mistake(file, line, f"is not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise _mistake(file, 1, f"is not valid YAML: {error}") from None
    except ValidationError as error:
        raise _mistake(file, *_first_mistake(error, node)) from None
    if profile.id != file.stem:
        raise _mistake(file, _line_of(node, ("id",)), f"key id: must equal the file's name, {file.stem}")
    return profile


@cache
def _read_folder(folder: Path) -> tuple[Profile, ...]:
    return tuple(read_file(file) for file in sorted(folder.glob("*.yaml")))


def _refuse_repeated_keys(node: yaml.Node | None, file: Path) -> None:
    """Raise `BadInput` for repeated keys, of which YAML silently keeps the last."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise _mistake(file, key.start_mark.line + 1, f"key {key.value}: appears twice")
            seen.add(key.value)
            _refuse_repeated_keys(value, file)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item, file)


def _first_mistake(error: ValidationError, node: yaml.Node | None) -> tuple[int, str]:
    first = first_problem(error)
    return _line_of(node, first.path), f"key {first.sentence('the whole profile')}"


def _line_of(node: yaml.Node | None, location: Sequence[str | int]) -> int:
    """Line (from 1) of a key, or of its innermost parent in the file."""
    import yaml

    line = node.start_mark.line if node else 0
    for part in location:
        if isinstance(node, yaml.MappingNode):
            entry = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return line + 1


def _mistake(file: Path, line: int, problem: str) -> BadInput:
    return BadInput(f"{file}, line {line}: {problem}.", hint="docs/devices.md describes a profile's keys.")


DECISIVE = (
    "ro.soc.model",
    "ro.hardware.chipname",
    "ro.mediatek.platform",
    "ro.vendor.mediatek.platform",
    "ro.board.platform",
    "ro.hardware",
)
"""Properties that name a chip, most exact first."""


_NOTHING = {"", "unknown", "undefined", "none", "null", "n/a", "na", "not available", "to be filled by o.e.m."}


def property_value(properties: Mapping[str, str], name: str) -> str:
    """A property's value; "" if it is missing or a placeholder such as `unknown`."""
    value = properties.get(name, "").strip()
    return "" if value.casefold() in _NOTHING else value


def match(properties: Mapping[str, str]) -> Profile | None:
    """The profile of the phone with these properties, or None.

    Board platforms are shared by chips of one family (an SM8475 reports `taro` like an SM8450),
    so they never overrule a `ro.soc.model` that no profile knows.
    """
    for name in DECISIVE:
        if value := property_value(properties, name):
            profiles = [profile for profile in all_profiles() if profile.identify.accepts(name, value)]
            if profiles:
                return profiles[0]
            if name == "ro.soc.model":
                return None
    return None


def best_name(properties: Mapping[str, str]) -> str:
    """Name for a chip without a profile: maker and model, if the phone reports them."""
    model = next((value for name in DECISIVE if (value := property_value(properties, name))), "")
    maker = property_value(properties, "ro.soc.manufacturer")
    return f"{maker} {model}".strip() or "unknown"


def advice(properties: Mapping[str, str]) -> str:
    """How to add the profile that this phone lacks: which file, and which properties identify its chip."""
    identifying = [f"{name}={value}" for name in DECISIVE if (value := property_value(properties, name))]
    instruction = (
        f"identify the SoC by {', '.join(identifying)}"
        if identifying
        else "identify the SoC by ro.product.board, because no property names its chip"
    )
    return (
        f"There is no device profile for this SoC ({best_name(properties)}). The phone can be measured without one. "
        f"To add one, write {user_folder() / 'NAME.yaml'} and {instruction}; docs/devices.md shows how."
    )
