"""The axes: every dimension of a case, each declared once, as a field of `Case`.

A case's key, the filters of `run`, the keys of a suite file, the plan, the columns of the dry run, of the store and of
exports, and the labels of reports are derived from these declarations. A new axis is one more field. It needs a
default, so that stored cases without it can still be read.

Nothing heavy is imported here: the command line makes its options from these declarations.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from typing import Annotated, Any, Literal, Protocol

CacheState = Literal["as found", "cold", "warm"]
"""Whether library and model are in the caches before setup: page cache (native), HTTP and code cache (web)."""
Loader = Literal["split", "as-shipped"]
"""How a page obtains framework and model: fetched and started in separate parts, or by the engine's own loader."""
Encoding = Literal["identity", "gzip", "br"]
"""How the page server compresses what a page downloads."""

Context = Literal["shell", "app-foreground", "app-service", "browser", "manual"]
"""What starts a block: a shell, mobilebench's app on a phone (with an activity in front, or as a foreground service), a
driven browser, or a person in a browser of their own. Only the first three can be asked for; the column of exports has
the others for pages."""
Isolation = Literal["isolated", "none"]
"""Whether a page is cross-origin isolated, which gives it WebAssembly threads and a finer clock."""

Scope = Literal["every case", "pages", "native engines", "some backends"]
"""The cases to which an axis applies. `some backends`: backends that declare it (`engines.base.Backend.axes`)."""

ALL = "all"
"""A thread count that stands for the number of the target's cores."""
AUTO = "auto"
"""A GPU that stands for `hardware` or `software`, depending on the target."""
NO_AFFINITY = "none"
NODE = "node"
"""A browser's name that stands for Node: it runs the WebAssembly of a web engine outside of any page."""
CORES = (NO_AFFINITY, "big", "little", "prime")
WASM_BUILDS = ("plain", "simd", "threads", "simd-threads", "relaxed-simd", "relaxed-simd-threads")
LITERT_WASM_FILES = {
    "relaxed-simd-threads": "litert_wasm_threaded_internal.wasm",
    "relaxed-simd": "litert_wasm_internal.wasm",
    "simd": "litert_wasm_compat_internal.wasm",
}
"""Wasm build to the file of LiteRT.js, as it is published."""
GPUS = ("hardware", "software", "integrated", "discrete")
SHELL = "shell"
APP_CONTEXTS = ("app-foreground", "app-service")
"""The contexts of native engines in which they run in a process of mobilebench's app."""
NO_LINK = "none"
NO_SCENARIO = "none"
NO_MODEL = "none"
"""The model of a page in which nothing infers."""
PAGE = "page"
"""The engine of a page in which nothing infers: the baseline of a scenario."""
NO_BACKEND = "none"
"""The backend of that engine."""
SCENARIOS = ("interaction", "typing", "video", "call")
"""The scenarios with pages of our own."""
SPEEDOMETER = "speedometer:"
"""Begins a scenario that names a clone or an address of Speedometer."""
ON_SCENARIOS = ("duty", "place")
"""Axes of which a case has a value only with a scenario."""
PAGE_FILES = (".html", ".htm", ".xhtml")
CLIP_FILES = (".webm", ".mp4", ".m4v", ".mkv", ".ogv", ".mov")
MOST_THREADS = 1024
MOST_BATCH = 1024

_MASK = re.compile(r"0x[0-9a-fA-F]{1,64}")


@dataclass(frozen=True)
class Link:
    """A network that a browser can imitate: speeds in kbit/s (1000 bits), and the round trip in ms."""

    down_kbit_s: int
    up_kbit_s: int
    round_trip_ms: int


LINKS: dict[str, Link] = {
    "slow-3g": Link(400, 400, 400),
    "3g": Link(1_600, 768, 300),
    "fast-3g": Link(1_600, 768, 150),
    "dsl": Link(1_500, 384, 50),
    "cable": Link(5_000, 1_000, 28),
    "4g": Link(9_000, 9_000, 170),
    "lte": Link(12_000, 12_000, 70),
    "fios": Link(20_000, 5_000, 4),
    "wifi": Link(30_000, 15_000, 2),
}
"""Values of WebPageTest's list of connections; `wifi` is taken from the throttling of Firefox's developer tools."""


def seconds_over_link(name: str, count: int) -> float:
    """The least number of seconds that `count` bytes take over this network; 0 without an imitated network."""
    return count * 8 / (LINKS[name].down_kbit_s * 1000) if name in LINKS else 0.0


def wasm_build_of(path: str) -> str:
    """The Wasm build to which a published file of a web engine belongs, by its name."""
    name = path.rpartition("/")[2]
    litert_build = next((build for build, file in LITERT_WASM_FILES.items() if file == name), None)
    if litert_build is not None:
        return litert_build
    features = [feature for feature, mark in (("simd", "simd"), ("threads", "threaded")) if mark in name]
    return "-".join(features) or "plain"


class Machine(Protocol):
    """The properties of a target that an axis may use."""

    @property
    def cores(self) -> int: ...

    @property
    def gpu_software(self) -> bool | None: ...


def word(value: object) -> str:
    """Check that a value is text. Raises `ValueError` for anything else."""
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"this should be a name, not {value!r}")


def one_of(title: str, *values: str) -> Callable[[object], str]:
    """A parser that takes one of these words. It raises `ValueError` for any other value."""

    def parse(value: object) -> str:
        if isinstance(value, str) and value in values:
            return value
        raise ValueError(f"{title} should be {', '.join(values[:-1])} or {values[-1]}")

    return parse


def batch_size(value: object) -> int:
    """Parse a number of inputs that are computed together. Raises `ValueError` for anything else."""
    return _count(value, MOST_BATCH, f"a batch size should be a number from 1 to {MOST_BATCH}")


def thread_count(value: object) -> int | str:
    """Parse a number of threads, or `all`. Raises `ValueError` for anything else."""
    if value == ALL:
        return ALL
    return _count(
        value, MOST_THREADS, f"threads should be a number from 1 to {MOST_THREADS}, or `all` for the target's cores"
    )


def cores_of(value: object) -> str:
    """Parse a name of cores, or a mask, which gets a uniform spelling. Raises `ValueError` for anything else."""
    if value in CORES:
        return str(value)
    if isinstance(value, str) and _MASK.fullmatch(value) and (mask := int(value, 16)):
        return f"0x{mask:x}"
    raise ValueError(f"cores are named {', '.join(CORES)}, or by a mask such as 0xf0 (CPUs 4 to 7)")


def engine_name(value: object) -> str:
    """An engine's name as it is listed: `@current` after the name of the current release is removed."""
    return word(value).removesuffix("@current")


def scenario_of(value: object) -> str:
    """Parse a scenario: `none`, one of ours, an address of a page, or a file. Raises `ValueError` for anything else."""
    if isinstance(value, str):
        own = value.startswith(("http://", "https://", SPEEDOMETER)) or value.lower().endswith(
            (*PAGE_FILES, *CLIP_FILES)
        )
        if own or value in (NO_SCENARIO, *SCENARIOS):
            return value
    raise ValueError(
        f"a scenario is one of {', '.join(SCENARIOS)}, {SPEEDOMETER}FOLDER, the address of a page (https://…), or a "
        f"file ending with {', '.join((*PAGE_FILES[:1], *CLIP_FILES[:2]))}, or none"
    )


def duty_of(value: object) -> int:
    """Parse a share of the time in whole percent. Raises `ValueError` for anything else."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100:
        return value
    raise ValueError("a duty should be a whole number of percent from 0 to 100")


def _count(value: object, most: int, problem: str) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
        return value
    raise ValueError(problem)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One dimension of a case."""

    help: str
    """Help text of the option of `run` that selects values."""
    title: str = ""
    """Its name in sentences; empty: the same as `name`."""
    plural: str | None = None
    """Its key in a suite and a group. None: a suite states it elsewhere, or not at all."""
    metavar: str | None = None
    parse: Callable[[object], Any] = word
    """Parses a value of a suite file or the text of an option. It raises `ValueError`, with a sentence."""
    resolve: Callable[[Any, Machine], Any] | None = None
    """Returns what a value such as `all` or `auto` stands for on a target."""
    scope: Scope = "every case"
    why_not: str = ""
    """Why it does not apply outside its scope, as a clause about `{engine}` and `{value}`."""
    elsewhere: Literal["left out", "as usual", "unsupported"] = "as usual"
    """How cases to which it does not apply are planned when values are selected or stated: they are left out of the
    plan, planned with the default value, or planned with the value and then reported as unsupported."""
    narrows: bool = False
    """Whether selected values filter the suite's values instead of replacing them."""
    usual: tuple[Any, ...] = ()
    """Values that, like the default, keys, labels and the dry run do not mention."""
    always: bool = False
    """Whether keys and the dry run mention every value, even the default."""
    in_key: str = ""
    """Format of a value in the key, such as `t{}`; empty: `NAME={}`."""
    label: Callable[[Any], str] = str
    """Formats a value for reports."""
    stated: tuple[Any, ...] = ()
    """Values of a suite that does not state the axis; empty: the default."""
    name: str = ""
    """The name of the field that declares it."""
    default: Any = None
    column_type: type[str | int] = str
    required: bool = False
    """Whether a case must have a value."""

    @property
    def option(self) -> str:
        """The option of `run` that selects values."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def column(self) -> str:
        """Name of its column in the store and in exports."""
        return self.name

    def on(self, machine: Machine, value: Any) -> Any:
        """What a stated value stands for on a target."""
        return self.resolve(value, machine) if self.resolve else value

    @property
    def nullable(self) -> bool:
        return not self.required and self.default is None

    def applies(self, kind: str, offered: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether it applies to engines of this kind (`native` or `web`), on a backend that offers these axes."""
        if self.scope == "some backends":
            return self.name in offered
        return self.scope == "every case" or self.scope == ("pages" if kind == "web" else "native engines")

    def mentioned(self, value: Any) -> bool:
        """Whether keys and the dry run show this value."""
        return value is not None and (self.always or (value != self.default and value not in self.usual))

    def shown_in_key(self, value: Any) -> str:
        return (self.in_key or f"{self.name}={{}}").format(value)


def _threads_label(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is measured: one value of every axis. None: the axis does not apply to this engine or backend."""

    __pydantic_config__ = {"extra": "forbid"}

    target: Annotated[str, Axis(help="The targets to measure on.", always=True, in_key="{}")]
    engine: Annotated[
        str, Axis(help="Only these engines.", metavar="NAME", parse=engine_name, narrows=True, always=True, in_key="{}")
    ]
    backend: Annotated[str, Axis(help="Only these backends.", metavar="NAME", narrows=True, always=True, in_key="{}")]
    wasm_build: Annotated[
        str | None,
        Axis(
            help="Only pages with these builds of the engine's WebAssembly.",
            title="wasm build",
            plural="wasm_builds",
            metavar="plain|simd|threads|simd-threads|…",
            scope="some backends",
            why_not="{engine} {backend} runs no WebAssembly",
            narrows=True,
            in_key="{}",
        ),
    ] = None
    delegate: Annotated[
        str | None,
        Axis(
            help="Only TensorFlow Lite on the CPU, with this delegate or with its built-in kernels (`none`).",
            plural="delegates",
            metavar="xnnpack|none",
            scope="some backends",
            why_not="{engine} {backend} leaves no choice of delegate",
            narrows=True,
            in_key="{}",
            label=lambda value: "no delegate" if value == "none" else str(value),
        ),
    ] = None
    arithmetic: Annotated[
        str | None,
        Axis(
            help="Only backends that offer this choice; they compute float32 operations in this number format.",
            plural="arithmetics",
            metavar="fp32|fp16|tf32",
            scope="some backends",
            why_not="{engine} {backend} leaves no choice of arithmetic",
            narrows=True,
            usual=("fp32",),
            in_key="{}",
        ),
    ] = None
    gpu: Annotated[
        str | None,
        Axis(
            help="Only pages on this GPU: the one that the browser chooses (`hardware`), the CPU in its place "
            "(`software`), or one of two GPUs.",
            title="GPU",
            plural="gpus",
            metavar="hardware|software|integrated|discrete",
            stated=(AUTO,),
            resolve=lambda value, machine: (
                ("software" if machine.gpu_software else "hardware") if value == AUTO else value
            ),
            scope="some backends",
            why_not="{engine} {backend} leaves no choice of GPU",
            narrows=True,
            in_key="{}",
        ),
    ] = None
    device_type: Annotated[
        str | None,
        Axis(
            help="Only WebNN on this type of device.",
            title="device type",
            plural="device_types",
            metavar="cpu|gpu|npu",
            scope="some backends",
            why_not="{engine} {backend} leaves no choice of device type",
            narrows=True,
            in_key="{}",
        ),
    ] = None
    threads: Annotated[
        int,
        Axis(
            help="Thread counts; `all` stands for the number of the target's cores.",
            plural="threads",
            metavar="N|all",
            parse=thread_count,
            resolve=lambda value, machine: machine.cores if value == ALL else value,
            always=True,
            in_key="t{}",
            label=_threads_label,
        ),
    ]
    browser: Annotated[
        str | None,
        Axis(
            help="Measure web engines in these browsers, and no native engines. `node`: their WebAssembly in Node, "
            "outside of any page.",
            plural="browsers",
            metavar="chrome|firefox|chrome@NAME|node",
            stated=("chrome",),
            scope="pages",
            why_not="engine `{engine}` runs without a browser",
            elsewhere="left out",
            in_key="{}",
        ),
    ] = None
    model: Annotated[str, Axis(help="Only these models.", metavar="NAME", plural="models", always=True, in_key="{}")]
    precision: Annotated[
        str,
        Axis(
            help="Only these number formats of models.",
            metavar="fp32|fp16|int8|dynamic",
            plural="precisions",
            always=True,
            in_key="{}",
        ),
    ] = "fp32"
    batch: Annotated[
        int,
        Axis(
            help="Batch sizes.",
            plural="batches",
            metavar="N",
            parse=batch_size,
            always=True,
            in_key="b{}",
            label=lambda value: f"batch {value}",
        ),
    ] = 1
    affinity: Annotated[
        str,
        Axis(
            help="Run native engines only on these cores; the mask 0xf0 selects CPUs 4 to 7.",
            plural="affinities",
            metavar="none|big|little|prime|0xMASK",
            parse=cores_of,
            scope="native engines",
            why_not="the cores of {engine} cannot be chosen: it runs in a browser",
            elsewhere="unsupported",
            in_key="{}",
            label=lambda value: f"cores {value}",
        ),
    ] = NO_AFFINITY
    context: Annotated[
        Context,
        Axis(
            help="What starts native engines: a shell, or on phones mobilebench's app, which is in front "
            "(`app-foreground`) or works in a foreground service (`app-service`); see --keep-app.",
            plural="contexts",
            metavar="shell|app-foreground|app-service",
            parse=one_of("a context", SHELL, *APP_CONTEXTS),
            scope="native engines",
            why_not="{engine} runs in a browser, so there is no context {value}",
            elsewhere="left out",
            usual=("browser", "manual"),
            in_key="{}",
            label=lambda value: {"app-foreground": "in an app in front", "app-service": "in an app's service"}.get(
                value, f"from a {value}"
            ),
        ),
    ] = "shell"
    caches: Annotated[
        CacheState,
        Axis(
            help="Remove library and model from the caches before setup (`cold`), or load them there (`warm`).",
            plural="caches",
            metavar="cold|warm|as found",
            parse=one_of("caches", "as found", "cold", "warm"),
            in_key="{}",
            label=lambda value: f"{value} caches",
        ),
    ] = "as found"
    link: Annotated[
        str,
        Axis(
            help="Networks that Chrome imitates during the setup of a page.",
            plural="links",
            metavar="none|4g|wifi|3g|…",
            parse=one_of("a link", NO_LINK, *LINKS),
            scope="pages",
            why_not="{engine} downloads nothing, so there is no link {value}",
            in_key="{}",
            label=lambda value: f"link {value}",
        ),
    ] = "none"
    loader: Annotated[
        Loader,
        Axis(
            help="Pages first fetch and then start (`split`), or use the engine's own loader (`as-shipped`).",
            plural="loaders",
            metavar="split|as-shipped",
            parse=one_of("a loader", "split", "as-shipped"),
            scope="pages",
            why_not="{engine} downloads nothing, so there is no loader {value}",
            in_key="{}",
        ),
    ] = "split"
    encoding: Annotated[
        Encoding,
        Axis(
            help="Compression of the files that pages download.",
            plural="encodings",
            metavar="identity|gzip|br",
            parse=one_of("an encoding", "identity", "gzip", "br"),
            scope="pages",
            why_not="{engine} downloads nothing, so there is no encoding {value}",
            in_key="{}",
        ),
    ] = "identity"
    isolation: Annotated[
        Isolation,
        Axis(
            help="Pages are cross-origin isolated, which threads need, or not (`none`).",
            plural="isolations",
            metavar="isolated|none",
            parse=one_of("isolation", "isolated", "none"),
            scope="pages",
            why_not="{engine} runs outside of a page, so there is no isolation {value}",
            in_key="isolation-{}",
            label=lambda value: "not isolated" if value == "none" else str(value),
        ),
    ] = "isolated"
    scenario: Annotated[
        str,
        Axis(
            help="What a person does with the page in which a model infers: one of our pages is used, a page of your "
            "own (an address or a file) is scrolled, a clip is played.",
            plural="scenarios",
            metavar="interaction|typing|video|call|speedometer:FOLDER|https://…|FILE",
            parse=scenario_of,
            scope="pages",
            why_not="{engine} runs outside of a page, so there is no scenario {value}",
            elsewhere="left out",
        ),
    ] = "none"
    duty: Annotated[
        int | None,
        Axis(
            help="Share of the time in which the page of a scenario infers, in percent. 0: nothing infers in it.",
            plural="duties",
            metavar="PERCENT",
            parse=duty_of,
            stated=(0, 50),
            scope="pages",
            why_not="{engine} runs outside of a page, so there is no duty {value}",
            elsewhere="left out",
            label=lambda value: f"{value} % of the time",
        ),
    ] = None
    place: Annotated[
        str | None,
        Axis(
            help="Thread of a scenario's page that calls the engine.",
            plural="places",
            metavar="main|worker",
            parse=one_of("a place", "main", "worker"),
            stated=("main",),
            scope="pages",
            why_not="{engine} runs outside of a page, so there is no place {value}",
            elsewhere="left out",
            label=lambda value: "in a worker" if value == "worker" else "on the main thread",
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.threads < 1 or self.batch < 1:
            raise ValueError("a case has at least one thread and a batch of at least one")

    @property
    def has_scenario(self) -> bool:
        """Whether a page is used while, or instead of, inferring."""
        return self.scenario != NO_SCENARIO

    @property
    def in_app(self) -> bool:
        """Whether a native engine runs in a process of mobilebench's app."""
        return self.context in APP_CONTEXTS

    @property
    def is_baseline(self) -> bool:
        """Whether only a page is used, in which nothing infers."""
        return self.engine == PAGE

    @property
    def key(self) -> str:
        """Stable text that identifies the case within a run."""
        values = ((axis, getattr(self, name)) for name, axis in AXES.items())
        return "/".join(axis.shown_in_key(value) for axis, value in values if axis.mentioned(value))

    @property
    def way(self) -> str:
        """Engine, backend and the values of the backend's axes, such as `tfjs wasm simd-threads`."""
        chosen = ((axis, getattr(self, axis.name)) for axis in OFFERED.values())
        return " ".join(
            [self.engine, self.backend, *(axis.label(value) for axis, value in chosen if axis.mentioned(value))]
        )


def _declared(field: Field[Any], hint: Any) -> Axis:
    axis = next((one for one in getattr(hint, "__metadata__", ()) if isinstance(one, Axis)), None)
    assert axis is not None, f"the field `{field.name}` of Case declares no axis"
    required = field.default is MISSING
    return replace(
        axis,
        name=field.name,
        title=axis.title or field.name.replace("_", " "),
        default=None if required else field.default,
        column_type=int if hint.__origin__ in (int, int | None) else str,
        required=required,
    )


AXES: Mapping[str, Axis] = {field.name: _declared(field, field.type) for field in fields(Case)}
"""Every axis by name, in the order of keys, tables and exports."""
OFFERED: Mapping[str, Axis] = {name: axis for name, axis in AXES.items() if axis.scope == "some backends"}
"""The axes that apply only to backends that offer values of them."""
STATED: Mapping[str, Axis] = {name: axis for name, axis in AXES.items() if axis.plural}
"""The axes that have a key in suites and groups."""
SELECTED: Mapping[str, Axis] = {name: axis for name, axis in AXES.items() if name != "target"}
"""The axes that have an option of `run` that selects values."""
