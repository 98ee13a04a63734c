"""The configuration of a night: its schema, and how it is read from YAML. It is strict, as suites are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from mobilebench.analysis.quantities import Resource
from mobilebench.core.errors import BadInput, as_clause, first_problem
from mobilebench.core.records import Stage
from mobilebench.suite import goals
from mobilebench.suite.loading import Document, read_yaml
from mobilebench.suite.schema import Strict
from mobilebench.suite.vocabulary import unknown

EXAMPLE = Path(__file__).parent / "example.yaml"
LAST_GOOD = "last good night"
STAGES: tuple[Stage, ...] = get_args(Stage)
RACK_URL = "tls://"
"""How the address of a rack's scheduler begins."""
OWN_OPTIONS = ("serial", "rack", "suite", "out", "store", "json", "dry-run", "resume", "retry", "help")
"""Options of `run` that a night gives itself."""

_BACK = re.compile(r"(\d{1,3}) nights? back")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_SECRET = ("webhook", "token")
"""Keys whose value is not repeated in messages: it may be the secret itself instead of a variable's name."""


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError("this should be a word of letters, digits, `.`, `_` and `-`")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError("this should be the name of an environment variable, such as NIGHT_WEBHOOK, not its value")
    return text


Word = Annotated[str, AfterValidator(_word)]
Variable = Annotated[str, AfterValidator(_variable)]
Value = str | int | float | bool
Options = dict[str, Value | list[Value]]


def _share(value: Any) -> float:
    text = str(value).strip()
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = -1.0
    if isinstance(value, bool) or not 0 <= share <= 10:
        raise ValueError("this should be a share such as 5% or 0.05, and at most 1000%")
    return share


def _baseline(value: Any) -> str:
    text = " ".join(str(value).split())
    if text != LAST_GOOD and not _BACK.fullmatch(text) and not re.fullmatch(r"\S{1,300}", text):
        raise ValueError(f"this should be `{LAST_GOOD}`, such as `7 nights back`, or the id of a run")
    if (found := _BACK.fullmatch(text)) and int(found[1]) == 0:
        raise ValueError("the baseline is at least 1 night back")
    return text


Share = Annotated[float, BeforeValidator(_share)]
Seconds = Annotated[float, BeforeValidator(goals.budget)]


class SuiteStep(Strict):
    """A suite that is measured."""

    suite: str = Field(min_length=1)
    """Name of a shipped suite, or a YAML file."""
    name: Word | None = None
    """Its name in reports; by default that of the suite."""
    options: Options = Field(default={})
    """Further options of `mobilebench run`, by their long names."""

    @property
    def title(self) -> str:
        return self.name or Path(self.suite).stem


class Sides(Strict):
    """Two engines, or two browsers; a browser build is `NAME=PATH` or `NAME=PACKAGE`, as for `--browser-path`."""

    before: str = Field(min_length=1)
    after: str = Field(min_length=1)


class LibrarySides(Strict):
    """Engine libraries of both sides, each `NAME=FILE` as for `--engine-library`."""

    before: list[str] = Field(min_length=1)
    after: list[str] = Field(min_length=1)


class AbStep(Strict):
    """Two versions that are measured in the same rounds and compared with each other."""

    name: Word
    suite: str = Field(min_length=1)
    rounds: int = Field(default=10, ge=3, le=200)
    engine: Sides | None = None
    browser: Sides | None = None
    engine_library: LibrarySides | None = Field(default=None, alias="engine-library")
    options: Options = Field(default={})
    fails: bool = False
    """Whether the night fails when the second side is slower by more than the limits."""

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if sum(one is not None for one in (self.engine, self.browser, self.engine_library)) != 1:
            raise ValueError("an A/B comparison has exactly one of `engine`, `browser` and `engine-library`")
        if self.engine and len({one.partition("@")[0] for one in (self.engine.before, self.engine.after)}) > 1:
            raise ValueError("`engine` compares two releases of one engine, such as ortjs@1.14 and ortjs")
        for sides in (self.engine, self.browser):
            if sides and sides.before.partition("=")[0] == sides.after.partition("=")[0]:
                raise ValueError("both sides have the same name")
        return self

    @property
    def title(self) -> str:
        return self.name


Step = SuiteStep | AbStep


class Regression(Strict):
    """What counts as worse."""

    slower: dict[Stage, Share] = Field(default={"prediction": 0.05})
    """Stage to the share by which a case has to be slower for sure."""
    more: dict[Resource, Share] = Field(default={"energy": 0.1, "memory": 0.1})
    """Quantity to the share by which a case has to need more of it for sure, where it is measured."""
    lost: bool = True
    """Whether a case that was valid or suspect, and is now invalid, unsupported or failed, is worse."""


class Flakes(Strict):
    """When a case counts as flaky, and no longer fails the night."""

    nights: int = Field(default=10, ge=3, le=100)
    """So many of the last nights are looked at, this one included."""
    share: Share = 0.3
    """Largest share of these nights in which its verdict may change or it may fail."""


class Tell(Strict):
    """Whom to tell: a webhook, or a file."""

    webhook: Variable | None = None
    """Name of the environment variable that holds the URL."""
    token: Variable | None = None
    """Name of the environment variable that holds a bearer token for it."""
    body: Literal["text", "night"] = "text"
    """`text`: an object with the summary as `text`, as chats take it · `night`: the whole night.json."""
    file: str | None = Field(default=None, min_length=1)
    """Path, in which `$NAME` stands for an environment variable."""
    format: Literal["markdown", "junit", "json", "prometheus"] | None = None
    append: bool = False
    when: Literal["always", "not good"] = "always"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.webhook is None) == (self.file is None):
            raise ValueError("this has exactly one of `webhook` and `file`")
        if self.file is not None and self.format is None:
            raise ValueError("a `file` needs a `format`: markdown, junit, json or prometheus")
        if self.webhook is not None and (self.format is not None or self.append):
            raise ValueError("`format` and `append` are for files; a webhook has `body`")
        if self.file is not None and (self.token is not None or self.body != "text"):
            raise ValueError("`token` and `body` are for webhooks")
        if self.append and self.format != "markdown":
            raise ValueError("only Markdown can be appended")
        return self


class Config(Strict):
    """A night's configuration."""

    name: Word
    """Its nights lie in `nights/NAME` of the results, and reports carry it."""
    phones: str = Field(default="all", min_length=1)
    """The targets, as for `run --serial`."""
    rack: str | None = None
    """A rack file, or the address of a rack's scheduler (`tls://HOST:PORT`)."""
    budget: Seconds | None = None
    """Time of the night; a suite that is running then is ended, and those after it are left out."""
    mend: bool = False
    """Whether the doctor mends what is safe, as `doctor --fix` does."""
    suites: list[SuiteStep] = Field(default=[])
    ab: list[AbStep] = Field(default=[])
    baseline: Annotated[str, BeforeValidator(_baseline)] = LAST_GOOD
    regression: Regression = Regression()
    flakes: Flakes = Flakes()
    tell: list[Tell] = Field(default=[])

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if not self.suites and not self.ab:
            raise ValueError("a night needs at least one entry in `suites` or `ab`")
        names = [step.title for step in self.steps]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two entries are named `{twice}`; give one of them another `name`")
        return self

    @property
    def steps(self) -> tuple[Step, ...]:
        """The suites, then the A/B comparisons, in the order in which they are measured."""
        return (*self.suites, *self.ab)

    @property
    def nights_back(self) -> int | None:
        """How many nights back the baseline is; None if it is another one."""
        found = _BACK.fullmatch(self.baseline)
        return int(found[1]) if found else None

    @property
    def on_rack(self) -> bool:
        """Whether the phones belong to a rack's workers on other hosts."""
        return self.rack is not None and self.rack.startswith(RACK_URL)

    def place_of(self, step: Step) -> tuple[str, int]:
        """Where a step stands in the file."""
        return ("suites", self.suites.index(step)) if isinstance(step, SuiteStep) else ("ab", self.ab.index(step))


_KEYS: Mapping[str, type[Strict]] = {
    "suites": SuiteStep,
    "ab": AbStep,
    "tell": Tell,
    "regression": Regression,
    "flakes": Flakes,
    "engine": Sides,
    "browser": Sides,
    "engine-library": LibrarySides,
}


def load(path: Path) -> tuple[Config, Document]:
    """Read and check a configuration. Relative files that it names begin at its own folder.

    Raises:
        BadInput: it cannot be read or has a mistake; the message names line, column and key.
    """
    document = read_yaml(path)
    if not isinstance(document.data, dict):
        raise document.error((), "a night's configuration is a mapping with `name`, `suites` and so on")
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        raise _in_plain_words(document, error) from error
    return _from(path.parent, config), document


def _in_plain_words(document: Document, error: ValidationError) -> BadInput:
    first = first_problem(error)
    place = first.path
    if first.kind == "extra_forbidden":
        problem, hint = unknown("key", str(place[-1]), _keys_at(place[:-1]))
        return document.error(place, problem, hint=hint)
    if first.kind == "missing":
        return document.error(place, f"the key `{place[-1]}` is missing")
    text = first.text.replace("Input should be", "this should be")
    place = tuple(part for part in place if part != "[key]")
    hidden = place[-1:] and place[-1] in _SECRET
    told = hidden or ", not " in text or not isinstance(first.value, str | int | float | bool)
    return document.error(place, as_clause(text) if told else f"{as_clause(text)}, not {first.value!r}")


def _keys_at(place: tuple[str | int, ...]) -> list[str]:
    last = next((part for part in reversed(place) if isinstance(part, str)), None)
    fields = (_KEYS.get(last, Config) if last else Config).model_fields
    return [field.alias or name for name, field in fields.items()]


def _from(folder: Path, config: Config) -> Config:
    """The configuration with its relative paths below this folder."""

    def placed(text: str) -> str:
        return str(folder / Path(text).expanduser())

    def suite(step: Any) -> Any:
        is_file = Path(step.suite).suffix in (".yaml", ".yml")
        return step.model_copy(update={"suite": placed(step.suite)}) if is_file else step

    return config.model_copy(
        update={
            "suites": [suite(step) for step in config.suites],
            "ab": [suite(step) for step in config.ab],
            "rack": config.rack if config.rack is None or config.on_rack else placed(config.rack),
            "tell": [
                one.model_copy(update={"file": placed(one.file)}) if one.file and not one.file.startswith("$") else one
                for one in config.tell
            ],
        }
    )


def arguments(options: Options) -> list[str]:
    """Options as they are typed: `{"effort": "quick", "headed": True}` becomes `--effort quick --headed`."""
    typed: list[str] = []
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if one is True:
                typed.append(f"--{name}")
            elif one is not False:
                typed += [f"--{name}", f"{one:g}" if isinstance(one, float) else str(one)]
    return typed
