from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from mobilebench.core import old_names
from mobilebench.core.axes import AXES, OFFERED, PAGE
from mobilebench.core.errors import BadInput, NothingToMeasure
from mobilebench.core.records import Case, Conditions, EnergyWindow, Goal, Pass, TargetInfo
from mobilebench.engines.base import Backend
from mobilebench.recorders import registry
from mobilebench.suite import loading
from mobilebench.suite.planning import Plan, Selection, plan
from mobilebench.suite.schema import Suite
from tests.pinning import Pinned
from tests.ways import chosen

from ..results.making import host, phone
from .words import GENERATORS, PAPERS, WORDS

HOST = host()
GPU_HOST = host(gpu_software=False)
REAL = phone("R58M")
VIRTUAL = phone("127.0.0.1:5555", virtual=True, gpu_software=True)


def quick(*targets: TargetInfo, seed: int = 0, **selected: Any) -> Plan:
    return planned("quick", *targets, seed=seed, **selected)


def planned(suite: str, *targets: TargetInfo, seed: int = 0, **selected: Any) -> Plan:
    return plan(loading.load(suite, words=WORDS), targets, selection(**selected), seed, words=WORDS)


def selection(**selected: Any) -> Selection:
    """A selection by the keys that suites use for axes, and by its other fields."""
    names = {axis.plural or f"{name}s": name for name, axis in AXES.items()}
    axes = {names[key]: tuple(values) for key, values in selected.items() if key in names}
    return Selection(axes, **{key: value for key, value in selected.items() if key not in names})


def way(case: Case) -> tuple[str | None, ...]:
    """A case but for its number of threads."""
    return case.engine, case.backend, chosen(case), case.browser, case.model


def ways(found: Plan) -> dict[tuple[str, ...], int]:
    """Engine, backend, setting and model to the number of blocks."""
    return dict(Counter((b.case.engine, b.case.backend, chosen(b.case), b.case.model) for b in found.blocks))


NATIVE = [("tflite", "cpu", "xnnpack"), ("onnxruntime", "cpu", "")]
WASM = [("tfjs", "wasm", build) for build in ("plain", "simd", "simd-threads")] + [
    ("ortjs", "wasm", "simd-threads"),
    ("litertjs", "wasm", "relaxed-simd-threads"),
]
SMALL = ("mobilenet_v2", "bert_small")


def test_quick_on_a_host_with_a_software_gpu() -> None:
    expected = {(*way, model): 3 for way in NATIVE + WASM for model in SMALL}
    expected |= {("tfjs", "webgl", "software", "bert_small"): 1, ("ortjs", "webgpu", "software", "bert_small"): 1}
    assert ways(quick(HOST)) == expected


@pytest.mark.parametrize("target", [GPU_HOST, REAL, host(gpu_software=None)])
def test_quick_on_a_machine_with_a_gpu(target: TargetInfo) -> None:
    gpu = [("tfjs", "webgl", "hardware"), ("ortjs", "webgpu", "hardware")]
    assert ways(quick(target)) == {(*way, model): 3 for way in NATIVE + WASM + gpu for model in SMALL}


def test_quick_on_a_virtual_phone() -> None:
    expected = [*NATIVE, ("tfjs", "wasm", "simd-threads")]
    assert ways(quick(VIRTUAL)) == {(*way, model): 3 for way in expected for model in SMALL}


def test_only_pages_have_a_browser_and_single_threaded_builds_have_one_thread() -> None:
    for block in quick(GPU_HOST).blocks:
        case = block.case
        assert case.browser == ("chrome" if case.engine in ("tfjs", "ortjs", "litertjs") else None)
        one = chosen(case) in ("plain", "simd", "hardware")
        assert case.threads == (1 if one else 2)


def test_thread_counts_of_a_single_threaded_setting_are_one_case() -> None:
    found = quick(HOST, threads=(1, 2, 4), engines=("tfjs",), wasm_builds=("simd",), models=("bert_small",))
    assert [b.case.threads for b in found.blocks] == [1, 1, 1]


def test_paper_measures_nine_models_five_times() -> None:
    found = ways(planned("paper", REAL))
    assert {way[3] for way in found} == set(PAPERS)
    assert set(found.values()) == {5}
    assert {b.case.threads for b in planned("paper", REAL).blocks if b.case.engine == "tflite"} == {4}


@pytest.mark.parametrize("suite", ["native", "web"])
def test_native_and_web_keep_to_their_engines(suite: str) -> None:
    engines = {b.case.engine for b in planned(suite, REAL, VIRTUAL, HOST).blocks}
    web = {engine.name for engine in WORDS.engines.values() if engine.kind == "web"} - {PAGE}
    assert engines == ({"tflite", "onnxruntime", "tensorflow"} if suite == "native" else web)


def choices(backend: Backend) -> list[str]:
    """Everything that can be chosen of a backend, as `chosen` shows it."""
    values = itertools.product(*(backend.axes[name] for name in OFFERED if name in backend.axes))
    shown = [" ".join(value for value in one if value != "fp32") for one in values]
    return [one for one in shown if one != "none fp16"]


@pytest.mark.parametrize("target", [HOST, REAL, VIRTUAL])
def test_native_plans_every_way_that_there_is_on_such_a_target_in_every_pass(target: TargetInfo) -> None:
    found = planned("native", target)
    ways = {(b.case.engine, b.case.backend, chosen(b.case)) for b in found.blocks}
    elsewhere = {"gpu", "nnapi", "qnn"} if target.kind == "host" else {"cuda", "dml", "openvino"}
    there = {
        (engine.name, backend.name, choice)
        for engine in WORDS.engines.values()
        if engine.kind == "native" and engine.name != "sleep"
        for backend in engine.backends
        for choice in choices(backend)
        if backend.name not in elsewhere or engine.name == "tensorflow"
        if engine.name != "tensorflow" or target.kind == "host"
    }
    assert ways == there
    assert {(b.case.key, b.pass_) for b in found.blocks} == {
        (b.case.key, name) for b in found.blocks for name in TestPasses.ALL
    }
    on_processor = {b.case.threads for b in found.blocks if b.case.backend in ("cpu", "xnnpack")}
    assert on_processor == {1, 2}


@pytest.mark.parametrize("target", [HOST, GPU_HOST, REAL, VIRTUAL])
def test_web_asks_for_every_backend_of_every_release_and_for_each_choice_that_there_can_be(target: TargetInfo) -> None:
    found = planned("web", target)
    asked = {(b.case.engine, b.case.backend, chosen(b.case)) for b in found.blocks}
    gpu = "software" if target.gpu_software else "hardware"
    for engine in WORDS.engines.values():
        for backend in engine.backends if engine.kind == "web" else ():
            offered = {value for axis in backend.axes for value in backend.available(axis)}
            wanted = {gpu} & offered if backend.uses_gpu else offered
            assert wanted <= {choice for name, of, choice in asked if (name, of) == (engine.name, backend.name)}
    timed = [b for b in found.blocks if b.case.model not in GENERATORS]
    for name in TestPasses.ALL:
        assert {way(b.case) for b in timed if b.pass_ == name} == {way(b.case) for b in timed}
    other_counts = [b for b in timed if b.case.threads not in (1, target.cores)]
    assert {b.pass_ for b in other_counts} == {"timing"}


@pytest.mark.slow
def test_web_measures_the_papers_models_and_on_a_software_gpu_with_few_predictions() -> None:
    small = {"mobilenet_v2", "bert_small"}
    found = [b for b in planned("web", HOST).blocks if b.case.model not in GENERATORS]
    assert {b.case.model for b in found if chosen(b.case) == "simd"} == set(PAPERS)
    assert {b.case.model for b in found if chosen(b.case) == "software"} == set(PAPERS)
    assert {b.case.model for b in found if b.case.backend in ("js", "webnn")} == small
    asked = {
        (chosen(b.case) == "software", b.pass_): (
            b.rule.min_predictions,
            b.rule.max_seconds,
            b.rule.time_limit_seconds,
        )
        for b in found
    }
    assert asked == {
        (software, pass_): (*((1, 1) if software or pass_ != "timing" else (2, 1.5)), 15 if software else 60)
        for software in (True, False)
        for pass_ in TestPasses.ALL
    }
    hardware = [b for b in planned("web", GPU_HOST).blocks if chosen(b.case) == "hardware"]
    assert {b.case.model for b in hardware} == {*PAPERS, *GENERATORS}
    threads = {b.case.threads for b in found if chosen(b.case) == "simd-threads" and b.case.model in small}
    assert threads == {1, 2, 4, HOST.cores}


@pytest.mark.parametrize(("selected", "limit"), [(90, 90.0), ("90.5", 90.5), ("none", None)])
def test_a_selected_time_limit_is_that_of_every_block(selected: float | str, limit: float | None) -> None:
    found = planned("web", HOST, time_limit=selected).blocks
    assert {block.rule.time_limit_seconds for block in found} == {limit}


@pytest.mark.parametrize("selected", [0, -1, 86_401, "soon", "nan", "inf"])
def test_a_time_limit_that_is_none_is_refused(selected: float | str, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        planned("web", HOST, time_limit=selected)


def test_web_looks_into_the_memory_of_generators_and_does_not_time_them() -> None:
    found = [b for b in planned("web", HOST).blocks if b.case.model in GENERATORS]
    assert {b.case.model for b in found} == set(GENERATORS)
    assert {(b.pass_, b.case.browser) for b in found} == {("memory", "chrome")}
    assert len(found) == len({b.case.key for b in found})


def test_a_selection_replaces_the_models_of_a_group_too() -> None:
    suite = loading.load("web", words=WORDS)
    chosen = plan(suite, [HOST], selection(models=("mobilenet_v2",)), seed=0, words=WORDS).blocks
    assert {b.case.model for b in chosen} == {"mobilenet_v2"}


def test_web_is_measured_in_both_browsers_on_a_computer_and_in_chrome_on_phones() -> None:
    found = planned("web", HOST, REAL)
    assert {block.case.browser for block in found.of("host")} == {"chrome", "firefox"}
    assert {block.case.browser for block in found.of(REAL.id)} == {"chrome"}


class TestOrder:
    def test_a_round_holds_every_case_of_a_target_once(self) -> None:
        found = quick(HOST, REAL, VIRTUAL)
        for target in (HOST, REAL, VIRTUAL):
            first, *others = ([b.case.key for b in found.of(target.id) if b.round == n] for n in (0, 1, 2))
            assert len(set(first)) == len(first)
            for order in others:
                assert len(set(order)) == len(order)
                assert set(order) <= set(first)
        assert [b.index for b in found.blocks] == list(range(len(found.blocks)))
        assert [b.round for b in found.blocks] == sorted(b.round for b in found.blocks)

    def test_no_case_follows_another_one_twice(self) -> None:
        found = quick(GPU_HOST, REAL, blocks=8)
        for target in (GPU_HOST, REAL):
            rounds = [[b.case.key for b in found.of(target.id) if b.round == number] for number in range(8)]
            counted = Counter(pair for order in rounds for pair in itertools.pairwise(order))
            assert set(counted.values()) == {1}

    def test_rounds_and_targets_are_shuffled_differently(self) -> None:
        found = quick(REAL, phone("OTHER"))
        rounds = [
            [(b.case.engine, chosen(b.case), b.case.model) for b in found.of(serial) if b.round == number]
            for serial in ("R58M", "OTHER")
            for number in (0, 1)
        ]
        assert len({tuple(one) for one in rounds}) == 4

    def test_a_target_keeps_its_order_whatever_else_is_measured(self) -> None:
        alone = [b.case.key for b in quick(REAL, seed=5).blocks]
        together = [b.case.key for b in quick(HOST, REAL, VIRTUAL, seed=5).of("R58M")]
        assert alone == together

    def test_the_seed_changes_the_order_and_nothing_else(self) -> None:
        one, other = quick(HOST, seed=1), quick(HOST, seed=2)
        assert [b.case for b in one.blocks] != [b.case for b in other.blocks]
        assert ways(one) == ways(other)

    @pytest.mark.slow
    def test_the_order_is_the_same_in_every_process(self) -> None:
        script = (
            "from tests.suite.test_planning import quick, HOST\n"
            "print('\\n'.join(b.case.key for b in quick(HOST, seed=3).blocks))"
        )
        runs = [
            subprocess.run(
                [sys.executable, "-c", script], env={"PYTHONHASHSEED": salt}, capture_output=True, text=True, check=True
            ).stdout.split()
            for salt in ("1", "2")
        ]
        assert runs[0] == runs[1] == [b.case.key for b in quick(HOST, seed=3).blocks]

    def test_the_order_is_this_one(self) -> None:
        """Pinned: a change of order between versions would break comparisons of runs with one seed."""
        selected = selection(
            models=("bert_small",),
            engines=("tflite", "onnxruntime"),
            backends=("cpu",),
            settings=("xnnpack", "default"),
            threads=(1,),
            passes=("timing",),
        )
        suite = loading.load("native", words=WORDS).model_copy(update={"blocks": 5})
        found = plan(suite, [HOST], selected, seed=0, words=WORDS)
        order = "".join(b.case.engine[0] for b in found.blocks)
        assert order == "toottootto"


class TestPasses:
    ALL: tuple[Pass, ...] = ("timing", "kernels", "memory")
    """Of the shipped suites."""
    EVERY: tuple[Pass, ...] = (*ALL, "trace")

    def test_a_suite_that_says_nothing_is_only_timed(self) -> None:
        assert {b.pass_ for b in quick(HOST).blocks} == {"timing"}

    def test_watching_comes_after_all_timing_once_a_case(self) -> None:
        found = quick(HOST, REAL, passes=self.EVERY)
        assert [b.pass_ for b in found.blocks] == sorted((b.pass_ for b in found.blocks), key=self.EVERY.index)
        timed = quick(HOST, REAL)
        assert [b for b in found.blocks if b.pass_ == "timing"] == list(timed.blocks)
        for number, name in ((3, "kernels"), (4, "memory"), (5, "trace")):
            once = [b for b in found.blocks if b.pass_ == name]
            assert {b.round for b in once} == {number}
            assert Counter(b.case.key for b in once) == dict.fromkeys({b.case.key for b in timed.blocks}, 1)
        assert [b.index for b in found.blocks] == list(range(len(found.blocks)))

    def test_each_pass_has_an_order_of_its_own_that_nothing_else_changes(self) -> None:
        def order(found: Plan, name: str) -> list[str]:
            return [b.case.key for b in found.of("host") if b.pass_ == name]

        every = quick(HOST, passes=self.ALL, seed=3)
        assert order(every, "kernels") != order(every, "memory")
        assert order(every, "memory") == order(quick(HOST, REAL, passes=("memory",), seed=3), "memory")
        assert order(every, "memory") != order(quick(HOST, passes=("memory",), seed=4), "memory")

    def test_without_timing_there_are_no_rounds_of_it(self) -> None:
        found = quick(HOST, passes=("kernels",))
        assert {(b.pass_, b.round) for b in found.blocks} == {("kernels", 0)}

    @pytest.mark.parametrize("stated", [("timing",), ("timing", "memory")])
    def test_further_passes_stand_beside_those_of_the_suite_or_selected_ones(self, stated: tuple[Pass, ...]) -> None:
        by_suite = plan(changed(passes=list(stated)), [HOST], selection(further_passes=("trace",)), words=WORDS)
        selected = plan(changed(), [HOST], selection(passes=stated, further_passes=("trace",)), words=WORDS)
        for found in (by_suite, selected):
            assert {b.pass_ for b in found.blocks} == {*stated, "trace"}
            assert [b.pass_ for b in found.blocks][-1] == "trace"

    def test_a_group_has_passes_of_its_own(self) -> None:
        found = plan(changed(passes=["timing", "memory"], first={"passes": ["kernels"]}), [HOST], words=WORDS)
        by_engine = {(b.case.engine, b.pass_) for b in found.blocks}
        assert {name for engine, name in by_engine if engine == "tflite"} == {"kernels"}
        assert {name for engine, name in by_engine if engine == "tfjs"} == {"timing", "memory"}


class TestConditions:
    def test_cores_and_caches_are_cases_of_their_own(self) -> None:
        suite = changed(affinities=["none", "0xF0"], caches=["cold", "warm"])
        cases = {b.case for b in plan(suite, [HOST], selection(engines=("tflite",)), words=WORDS).blocks}
        assert {(case.affinity, case.caches) for case in cases} == {
            (cores, state) for cores in ("none", "0xf0") for state in ("cold", "warm")
        }
        assert len({case.key for case in cases}) == 4 * 2

    def test_contexts_are_cases_of_native_engines_alone(self) -> None:
        stated = plan(changed(contexts=["shell", "app-service"]), [REAL], words=WORDS).blocks
        by_engine: dict[str, set[str]] = {}
        for block in stated:
            by_engine.setdefault(block.case.engine, set()).add(block.case.context)
        assert by_engine["tflite"] == {"shell", "app-service"}
        assert {block.context for block in stated if block.case.browser} == {"browser"}
        assert {block.context for block in stated if not block.case.browser} == {"shell", "app-service"}
        chosen = quick(REAL, contexts=("app-foreground",)).blocks
        assert {(block.case.browser, block.context) for block in chosen} == {(None, "app-foreground")}

    def test_ways_of_downloading_are_cases_of_pages_alone(self) -> None:
        suite = changed(links=["none", "4g"], loaders=["split", "as-shipped"], encodings=["br"])
        by_engine: dict[str, set[tuple[str, str, str]]] = {}
        for block in plan(suite, [HOST], selection(links=("wifi", "3g")), words=WORDS).blocks:
            ways = by_engine.setdefault(block.case.engine, set())
            ways.add((block.case.link, block.case.loader, block.case.encoding))
        assert by_engine["tflite"] == {("none", "split", "identity")}
        assert by_engine["tfjs"] == {
            (link, loader, "br") for link in ("wifi", "3g") for loader in ("split", "as-shipped")
        }

    def test_masks_that_mean_the_same_are_one_case(self) -> None:
        found = quick(HOST, engines=("tflite",), models=("bert_small",), affinities=("0xF0", "0x00f0"))
        assert [b.case.affinity for b in found.blocks] == ["0xf0"] * 3

    def test_priority_access_and_share_go_with_every_block(self) -> None:
        suite = changed(priority=5, model_access="mapped", first={"require_full_delegation": True})
        found = plan(suite, [HOST], selection(priority=0), words=WORDS)
        by_engine = {b.case.engine: b.conditions for b in found.blocks}
        assert by_engine["tflite"] == Conditions(priority=0, model_access="mapped", delegated_share=1.0)
        assert by_engine["tfjs"].delegated_share == 0.0

    def test_a_group_may_ask_for_less_than_the_suite(self) -> None:
        suite = changed(require_full_delegation=0.9, first={"require_full_delegation": False})
        found = {b.case.engine: b.conditions.delegated_share for b in plan(suite, [HOST], words=WORDS).blocks}
        assert (found["tflite"], found["tfjs"]) == (0.0, 0.9)

    @pytest.mark.parametrize(
        ("selected", "says"),
        [
            ({"passes": ("kernel",)}, "--pass kernel is not known; known are timing, kernels, memory, trace"),
            ({"caches": ("hot",)}, "--caches hot: caches should be as found, cold or warm"),
            ({"links": ("5g",)}, "--link 5g: a link should be none, slow-3g, 3g"),
            ({"contexts": ("app",)}, "--context app: a context should be shell, app-foreground or app-service"),
            ({"contexts": ("browser",)}, "--context browser: a context should be shell"),
            ({"affinities": ("bigg",)}, "--affinity bigg: cores are named none, big, little, prime"),
            ({"affinities": ("0x",)}, "--affinity"),
            ({"affinities": ("0x" + "f" * 100,)}, "--affinity"),
        ],
    )
    def test_words_that_are_none(self, selected: dict[str, tuple[str, ...]], says: str) -> None:
        with pytest.raises(BadInput) as raised:
            quick(HOST, **selected)
        assert says in raised.value.message


def changed(*, first: dict[str, object] | None = None, **changes: object) -> Suite:
    """Suite quick with other words in it, and in its first group (native engines)."""
    told = loading.load("quick", words=WORDS).model_dump(exclude_none=True)
    told["groups"][0] |= first or {}
    return Suite.model_validate({**told, **changes})


class TestSelection:
    def test_filters_leave_what_they_name(self) -> None:
        found = quick(GPU_HOST, engines=("tfjs",), backends=("wasm",), wasm_builds=("simd",), models=("bert_small",))
        assert ways(found) == {("tfjs", "wasm", "simd", "bert_small"): 3}

    def test_models_precisions_batches_and_threads_may_be_others_than_the_suites(self) -> None:
        found = quick(
            HOST, models=("resnet50",), precisions=("int8",), batches=(4, 8), threads=(3,), engines=("onnxruntime",)
        )
        cases = {b.case for b in found.blocks}
        expected = {"target": "host", "engine": "onnxruntime", "backend": "cpu", "threads": 3}
        assert cases == {
            Case(**expected, model="resnet50", precision="int8", batch=4),  # type: ignore[arg-type]
            Case(**expected, model="resnet50", precision="int8", batch=8),  # type: ignore[arg-type]
        }

    def test_a_software_gpu_keeps_its_limit(self) -> None:
        found = quick(HOST, models=("mobilenet_v2", "bert_small"), backends=("webgl",))
        assert ways(found) == {("tfjs", "webgl", "software", "bert_small"): 1}

    def test_the_number_of_blocks_replaces_that_of_suite_and_group(self) -> None:
        assert set(ways(quick(HOST, blocks=4)).values()) == {4}
        watched = planned("web", HOST, blocks=3, passes=("memory",), models=("bert_small",))
        assert {b.round for b in watched.blocks} == {0}

    def test_a_gpu_may_be_asked_for_by_name(self) -> None:
        assert ways(quick(HOST, gpus=("hardware",))) == {
            ("tfjs", "webgl", "hardware", "bert_small"): 1,
            ("ortjs", "webgpu", "hardware", "bert_small"): 1,
        }
        assert {chosen(b.case) for b in quick(HOST, gpus=("auto",)).blocks} == {"software"}

    def test_a_browser_leaves_out_native_engines(self) -> None:
        assert {b.case.browser for b in quick(HOST, browsers=("chrome",)).blocks} == {"chrome"}

    @pytest.mark.parametrize(
        ("selected", "wrong", "suggestion"),
        [
            ({"models": ("mobilnet_v2",)}, "mobilnet_v2", "mobilenet_v2"),
            ({"engines": ("tfj",)}, "tfj", "tfjs"),
            ({"backends": ("webgpuu",)}, "webgpuu", "webgpu"),
            ({"wasm_builds": ("smid",)}, "smid", "simd"),
            ({"settings": ("smid",)}, "smid", "simd"),
            ({"browsers": ("crome",)}, "crome", "chrome"),
            ({"precisions": ("fp3",)}, "fp3", "fp32"),
        ],
    )
    def test_an_unknown_name_is_answered_with_the_known_ones(
        self, selected: dict[str, tuple[str, ...]], wrong: str, suggestion: str
    ) -> None:
        with pytest.raises(BadInput) as raised:
            quick(HOST, **selected)
        unknown, _, known = raised.value.message.partition(f"`{wrong}`")
        assert unknown.startswith("There is no ")
        assert suggestion in known
        assert raised.value.hint == f"Did you mean `{suggestion}`?"

    @pytest.mark.parametrize(("kind", "option"), [("batches", "--batch"), ("threads", "--threads")])
    def test_counts_start_at_one(self, kind: str, option: str) -> None:
        with pytest.raises(BadInput, match=option):
            quick(HOST, **{kind: (0,)})

    @pytest.mark.parametrize("count", ["many", "-1", 1025])
    def test_threads_are_a_number_or_all_cores(self, count: int | str, pinned: Pinned) -> None:
        with pinned.raises(BadInput):
            quick(HOST, threads=(count,))

    def test_all_threads_are_the_targets_cores(self) -> None:
        found = quick(HOST, threads=(1, HOST.cores, "all"), engines=("ortjs",), models=("bert_small",))
        assert {block.case.threads for block in found.blocks if block.case.backend == "wasm"} == {1, HOST.cores}

    def test_the_current_release_may_be_called_so(self) -> None:
        assert quick(HOST, engines=("ortjs@current",)).blocks == quick(HOST, engines=("ortjs",)).blocks


class TestNothing:
    def test_the_filter_that_took_everything_is_named(self, pinned: Pinned) -> None:
        with pinned.raises(NothingToMeasure) as raised:
            quick(HOST, engines=("sleep",), models=("bert_small",))
        assert raised.value.hint

    def test_filters_that_only_together_take_everything_are_all_named(self, pinned: Pinned) -> None:
        with pinned.raises(NothingToMeasure):
            quick(HOST, engines=("tflite",), backends=("webgl",))

    def test_only_filters_without_which_cases_are_left_are_named(self, pinned: Pinned) -> None:
        with pinned.raises(NothingToMeasure):
            quick(HOST, engines=("tflite",), backends=("webgl",), scenarios=("video",), duties=(0, 50))

    def test_no_target(self, pinned: Pinned) -> None:
        with pinned.raises(NothingToMeasure):
            quick()

    def test_a_suite_that_has_nothing_for_the_targets(self, pinned: Pinned) -> None:
        quick_suite = loading.load("quick", words=WORDS)
        only_phones = Suite.model_validate({**quick_suite.model_dump(), "groups": [quick_suite.groups[3].model_dump()]})
        with pinned.raises(NothingToMeasure):
            plan(only_phones, [HOST], words=WORDS)


class TestBrowsers:
    def browsers(self, **selection: Any) -> set[str | None]:
        return {block.case.browser for block in quick(HOST, **selection).blocks}

    def test_browsers_replace_those_of_the_suite(self) -> None:
        assert self.browsers(browsers=("firefox", "chrome@beta")) == {"firefox", "chrome@beta"}

    def test_builds_are_measured_beside_those_of_the_suite(self) -> None:
        assert self.browsers(builds=("chrome@beta", "chrome")) == {None, "chrome", "chrome@beta"}
        assert self.browsers(browsers=("firefox",), builds=("chrome@beta",)) == {"firefox"}

    def test_every_round_holds_each_build_in_an_order_of_its_own(self) -> None:
        blocks = quick(HOST, browsers=("chrome", "chrome@beta"), engines=("tfjs",), backends=("wasm",)).blocks
        orders = [[block.case.key for block in blocks if block.round == number] for number in (0, 1)]
        assert sorted(orders[0]) == sorted(orders[1])
        assert orders[0] != orders[1]
        assert len(orders[0]) == len(set(orders[0]))

    def test_a_window_is_a_condition_of_every_block(self) -> None:
        assert all(block.conditions.headed for block in quick(HOST, headed=True).blocks)
        assert not any(block.conditions.headed for block in quick(HOST).blocks)

    def test_the_frame_trace_is_left_out_of_every_block_on_demand(self) -> None:
        assert not any(block.conditions.frame_trace for block in quick(HOST, frame_trace=False).blocks)
        assert all(block.conditions.frame_trace for block in quick(HOST).blocks)


def test_recorders_of_the_selection_replace_those_of_the_suite() -> None:
    suite = loading.load("quick", words=WORDS).model_copy(update={"record": ["load@1s"], "record_in_timing": True})

    def recorded(**selected: Any) -> set[tuple[Pass, tuple[str, ...]]]:
        blocks = plan(suite, [HOST], selection(**selected), words=WORDS).blocks
        return {(block.pass_, tuple(one.recorder for one in block.conditions.record)) for block in blocks}

    thermal = (registry.request("thermal@1s"),)
    assert recorded() == {("timing", ("load",))}
    assert recorded(record=thermal) == {("timing", ()), ("recording", ("thermal",))}
    assert recorded(record=thermal, record_in_timing=True) == {("timing", ("thermal",))}


@pytest.fixture(scope="module")
def native_and_web() -> list[Suite]:
    return [loading.load(name, words=WORDS) for name in ("native", "web")]


@pytest.mark.parametrize(
    "setting", ["xnnpack", "xnnpack-fp16", "reference", "fp32", "fp16", "tf32", "simd", "software", "npu"]
)
@pytest.mark.slow
def test_the_options_for_an_old_setting_select_exactly_its_cases(setting: str, native_and_web: list[Suite]) -> None:
    (options,) = old_names.new_options([setting])
    words = options.split()
    names = {axis.option: name for name, axis in AXES.items()}
    axes = {names[option]: tuple(values.split(",")) for option, values in zip(words[::2], words[1::2], strict=True)}
    one_model: dict[str, tuple[Any, ...]] = {"model": ("bert_small",), "precision": ("fp32",), "threads": (1,)}

    def cases(selected: Selection) -> set[str]:
        found = set()
        for suite in native_and_web:
            with suppress(NothingToMeasure):
                blocks = plan(suite, [GPU_HOST, HOST, REAL], selected, words=WORDS).blocks
                found |= {block.case.key for block in blocks}
        return found

    expected = cases(Selection(one_model, settings=(setting,)))
    assert cases(Selection(one_model | axes)) == expected
    assert expected


def test_old_settings_that_no_options_select_together_take_several_runs() -> None:
    assert old_names.new_options(["simd", "plain"]) == ["--wasm-build simd,plain"]
    assert old_names.new_options(["fp16", "xnnpack", "reference"]) == [
        "--backend gpu,nnapi,qnn --arithmetic fp16",
        "--backend cpu --delegate xnnpack,none --arithmetic fp32",
    ]
    assert old_names.new_options(["xnnpack", "xnnpack-fp16", "reference"]) == [
        "--backend cpu --delegate xnnpack --arithmetic fp32,fp16",
        "--backend cpu --delegate none --arithmetic fp32",
    ]


class TestGoal:
    def test_none_is_asked_for_by_itself(self) -> None:
        assert quick(HOST).suite.goal is None

    @pytest.mark.parametrize(
        ("asked", "blocks", "goal"),
        [
            ({"within": "2%"}, 3, Goal(within=0.02)),
            ({"within": "0.05", "budget": "90s"}, 3, Goal(within=0.05, budget=90)),
            ({"effort": "quick"}, 3, None),
            ({"effort": "normal"}, 5, Goal(within=0.05, budget=1200)),
            ({"effort": "rigorous"}, 10, Goal(within=0.02, budget=7200)),
            ({"effort": "rigorous", "blocks": 4, "budget": "1h"}, 4, Goal(within=0.02, budget=3600)),
            ({"effort": "quick", "within": "1%"}, 3, Goal(within=0.01)),
        ],
    )
    def test_options_and_efforts_state_one(self, asked: dict[str, Any], blocks: int, goal: Goal | None) -> None:
        found = quick(GPU_HOST, **asked)
        assert set(ways(found).values()) == {blocks}
        assert found.suite.goal == goal

    def test_options_replace_what_the_suite_states(self) -> None:
        suite = changed(within=0.05, budget=600.0)
        assert plan(suite, [HOST], words=WORDS).suite.goal == Goal(within=0.05, budget=600)
        assert plan(suite, [HOST], selection(within="1%"), words=WORDS).suite.goal == Goal(within=0.01, budget=600)
        assert plan(suite, [HOST], selection(effort="quick"), words=WORDS).suite.goal is None

    @pytest.mark.parametrize(
        "asked",
        [
            {"within": "0"},
            {"within": "51%"},
            {"within": "two"},
            {"within": "nan"},
            {"within": "2%", "budget": "0s"},
            {"within": "2%", "budget": "20 min"},
            {"within": "2%", "budget": "200h"},
            {"budget": "20m"},
            {"effort": "heroic"},
        ],
    )
    def test_words_that_are_none(self, asked: dict[str, Any], pinned: Pinned) -> None:
        with pinned.raises(BadInput):
            quick(HOST, **asked)


class TestEnergy:
    ENERGY = (registry.request("energy"),)

    def test_windows_are_blocks_of_a_pass_of_their_own(self) -> None:
        blocks = quick(HOST, engines=("tflite",), record=self.ENERGY).blocks
        windows = [block for block in blocks if block.pass_ == "energy"]
        assert Counter(block.case.key for block in windows) == {block.case.key: 3 for block in blocks}
        assert {block.pass_ for block in blocks} == {"timing", "energy"}
        for block in windows:
            assert block.conditions.energy == EnergyWindow()
            assert [one.recorder for one in block.conditions.record] == ["energy"]
            assert block.rule.max_seconds > 60
        assert len({block.round for block in windows}) == 3
        assert all(block.conditions.energy is None for block in blocks if block.pass_ == "timing")

    def test_other_recorders_keep_their_own_blocks(self) -> None:
        record = (*self.ENERGY, registry.request("thermal@1s"))
        blocks = quick(HOST, engines=("tflite",), record=record, energy_windows=1).blocks
        recorders = {(block.pass_, tuple(one.recorder for one in block.conditions.record)) for block in blocks}
        assert recorders == {("timing", ()), ("recording", ("thermal",)), ("energy", ("energy",))}

    def test_the_pass_alone(self) -> None:
        blocks = quick(HOST, engines=("tflite",), passes=("energy",), energy=EnergyWindow(seconds=120)).blocks
        assert {block.pass_ for block in blocks} == {"energy"}
        assert {block.conditions.energy.seconds for block in blocks if block.conditions.energy} == {120}
        with pytest.raises(BadInput):
            quick(HOST, passes=("recording",), record=self.ENERGY)

    def test_a_meter_measures_one_device(self) -> None:
        window = EnergyWindow(meter="tcp:127.0.0.1:7000")
        assert quick(HOST, engines=("tflite",), record=self.ENERGY, energy=window).blocks
        with pytest.raises(BadInput, match="one device"):
            quick(HOST, REAL, engines=("tflite",), record=self.ENERGY, energy=window)
        with pytest.raises(BadInput, match="does not name a meter"):
            quick(HOST, record=self.ENERGY, energy=EnergyWindow(meter="usb:1"))
