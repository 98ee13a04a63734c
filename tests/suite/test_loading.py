from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.core.errors import BadInput
from mobilebench.core.records import BlockRule, Goal
from mobilebench.suite import loading, schema
from mobilebench.suite.schema import Suite
from tests.pinning import Pinned

from .words import PAPERS, WORDS

SUITE = """\
title: Mine
description: For tests
models: [mobilenet_v2]
threads: [2]
rule: {min_predictions: 3, max_predictions: 5, max_seconds: 1}
blocks: 2
groups:
  - targets: [host]
    engines:
      tflite: {cpu: {delegate: xnnpack}}
"""


def load(text: str, folder: Path) -> Suite:
    path = folder / "mine.yaml"
    path.write_text(text)
    return loading.load(str(path), words=WORDS)


def mistake(text: str, folder: Path) -> BadInput:
    with pytest.raises(BadInput) as raised:
        load(text, folder)
    return raised.value


def test_a_suite_from_a_file(tmp_path: Path) -> None:
    suite = load(SUITE, tmp_path)
    assert (suite.name, suite.title, suite.precisions, suite.batches) == ("mine", "Mine", ["fp32"], [1])
    assert suite.groups[0].engines == {"tflite": {"cpu": [{"delegate": ["xnnpack"]}]}}


@pytest.mark.parametrize(
    "name", ["quick", "paper", "native", "context", "web", "ladder", "releases", "sustained", "qoe"]
)
def test_shipped_suites_load_and_describe_themselves(name: str) -> None:
    suite = loading.load(name, words=WORDS)
    assert suite.name == name
    assert suite.title
    assert suite.description


def test_every_shipped_suite_has_a_name_to_load_it_by() -> None:
    assert loading.names() == ["quick", "paper", "native", "context", "web", "ladder", "releases", "sustained", "qoe"]
    assert {path.stem for path in loading.FOLDER.iterdir()} == set(loading.names())


def test_quick_and_paper_measure_as_documented() -> None:
    quick, paper = (loading.load(name, words=WORDS) for name in ("quick", "paper"))
    assert quick.blocks == 3
    assert quick.rule == BlockRule(min_predictions=3, max_predictions=20, max_seconds=1)
    assert quick.threads == [2]
    assert paper.models == list(PAPERS)
    assert (paper.precisions, paper.batches, paper.threads, paper.blocks) == (["fp32"], [1], [4], 5)
    assert paper.rule == BlockRule(min_predictions=3, max_predictions=50, max_seconds=10)


def test_an_unknown_suite_is_answered_with_the_known_ones(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        loading.load("quik", words=WORDS)


def test_a_file_that_does_not_exist(tmp_path: Path, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        loading.load(str(tmp_path / "absent.yaml"), words=WORDS)


@pytest.mark.parametrize(
    ("broken", "with_this", "line"),
    [
        ("title: Mine", "titel: Mine", 1),
        ("blocks: 2", "blocks: two", 6),
        ("blocks: 2", "blocks: '2'", 6),
        ("blocks: 2", "blocks: 0", 6),
        ("blocks: 2", "blocks:", 6),
        ("threads: [2]", "threads: [2, 0]", 4),
        ("threads: [2]", "threads: []", 4),
        ("max_seconds: 1", "max_second: 1", 5),
        ("min_predictions: 3", "min_predictions: 30", 5),
        ("max_predictions: 5", "max_predictions: 1000000000", 5),
        ("max_seconds: 1", "max_seconds: 1e9", 5),
        ("max_seconds: 1", "max_seconds: 1, time_limit_seconds: 0", 5),
        ("max_seconds: 1", "max_seconds: 1, time_limit_seconds: 90000", 5),
        ("blocks: 2", "blocks: 2\npasses: []", 7),
        ("blocks: 2", "blocks: 2\npasses: [kernel]", 7),
        ("blocks: 2", "blocks: 2\naffinities: [bigg]", 7),
        ("blocks: 2", "blocks: 2\naffinities: ['0x0']", 7),
        ("blocks: 2", "blocks: 2\ncaches: [hot]", 7),
        ("blocks: 2", "blocks: 2\npriority: 20", 7),
        ("blocks: 2", "blocks: 2\nwithin: 2", 7),
        ("blocks: 2", "blocks: 2\nwithin: narrow", 7),
        ("blocks: 2", "blocks: 2\nwithin: yes", 7),
        ("blocks: 2", "blocks: 2\nwithin: 2%\nbudget: 20 days", 8),
        ("blocks: 2", "blocks: 2\nbudget: 20m", 1),
        ("blocks: 2", "blocks: 2\nmodel_access: mmap", 7),
        ("blocks: 2", "blocks: 2\nrequire_full_delegation: 1.5", 7),
        ("blocks: 2", "blocks: 2\nrequire_full_delegation: yes please", 7),
        ("targets: [host]", "targets: [hots]", 8),
        ("targets: [host]", "tragets: [host]", 8),
        ("targets: [host]\n    engines", "targets: [host]\n    engine", 9),
        ("models: [mobilenet_v2]", "models: [mobilenet_v3]", 3),
        ("tflite:", "tflight:", 10),
        ("{cpu: {delegate: xnnpack}}", "{tpu: {delegate: xnnpack}}", 10),
        ("delegate: xnnpack", "delegate: xnnpac", 10),
        ("delegate: xnnpack", "gpu: auto", 10),
        ("delegate: xnnpack", "turbo: yes", 10),
        ("{delegate: xnnpack}", "[xnnpac]", 10),
        ("{delegate: xnnpack}", "{threads: 0}", 10),
        ("title: Mine", "name: Mine", 1),
    ],
)
def test_a_mistake_is_told_by_line_and_key(
    tmp_path: Path, broken: str, with_this: str, line: int, pinned: Pinned
) -> None:
    error = mistake(SUITE.replace(broken, with_this, 1), tmp_path)
    assert f"line {line}, column " in error.message
    pinned(error.message)


def test_a_suite_may_state_a_goal(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SUITE.replace("blocks: 2", "blocks: 2\nwithin: 2%\nbudget: 20m"))
    assert loading.load(str(file), words=WORDS).goal == Goal(within=0.02, budget=1200)
    assert loading.load("quick", words=WORDS).goal is None


@pytest.mark.parametrize(
    ("broken", "with_this", "meant"),
    [("title:", "titel:", "title"), ("tflite:", "tflight:", "tflite"), ("max_seconds", "max_second", "max_seconds")],
)
def test_a_close_match_is_suggested(tmp_path: Path, broken: str, with_this: str, meant: str) -> None:
    assert mistake(SUITE.replace(broken, with_this), tmp_path).hint == f"Did you mean `{meant}`?"


def test_a_missing_key_is_named(tmp_path: Path, pinned: Pinned) -> None:
    pinned(mistake(SUITE.replace("title: Mine\n", ""), tmp_path).message)
    error = mistake(SUITE.replace("    engines:\n      tflite: {cpu: {delegate: xnnpack}}\n", ""), tmp_path)
    assert "line 8" in error.message
    pinned(error.message)


@pytest.mark.parametrize(
    ("broken", "with_this", "line", "key"),
    [
        ("models: [mobilenet_v2]", "models: [mobilenet_v2", 4, "threads"),
        ("title: Mine", "title: Mine: yours", 1, "title"),
        ("blocks: 2", "blocks: 2\n   bad: 1", 7, "bad"),
        ("blocks: 2", "blocks: @", 6, "blocks"),
        ("blocks: 2", "blocks: *two", 6, ""),
        ("title: Mine", "title: Mine\ntitle: Yours", 2, "title"),
        ("tflite: {cpu: {delegate: xnnpack}}", "tflite: {cpu: {}, cpu: {}}", 10, "cpu"),
    ],
)
def test_malformed_yaml_is_told_by_line_and_key(
    tmp_path: Path, broken: str, with_this: str, line: int, key: str
) -> None:
    error = mistake(SUITE.replace(broken, with_this, 1), tmp_path)
    assert f"line {line}" in error.message
    assert f"key `{key}`" in error.message or not key


@pytest.mark.parametrize("text", ["", "- a list\n", "just words\n", "---\n"])
def test_what_is_not_a_mapping_is_refused(tmp_path: Path, text: str, pinned: Pinned) -> None:
    pinned(mistake(text, tmp_path).message)


def test_several_documents_in_one_file(tmp_path: Path, pinned: Pinned) -> None:
    pinned(mistake(f"{SUITE}---\n{SUITE}", tmp_path).message)


def test_bytes_that_are_no_text(tmp_path: Path, pinned: Pinned) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"title: \xff\xfe\n")
    with pinned.raises(BadInput):
        loading.load(str(tmp_path / "mine.yaml"), words=WORDS)


def test_a_folder_is_no_suite(tmp_path: Path, pinned: Pinned) -> None:
    (tmp_path / "x.yaml").mkdir()
    with pinned.raises(BadInput):
        loading.load(str(tmp_path / "x.yaml"), words=WORDS)


def test_a_bomb_is_not_expanded(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert "alias" in mistake("\n".join(lines), tmp_path).message


@pytest.mark.slow
def test_what_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    assert mistake("title: " + "[" * 5000, tmp_path).message


@given(st.text(max_size=200))
def test_any_text_is_a_suite_or_bad_input(text: str) -> None:
    try:
        found = loading.parse_yaml(text, "x.yaml")
    except BadInput as error:
        assert error.message.startswith("x.yaml")
    else:
        assert found.data is None or isinstance(found.error((), "wrong"), BadInput)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(key=st.sampled_from(sorted(set(schema.Suite.model_fields) - {"name"})), value=_values)
@pytest.mark.slow
def test_any_value_of_any_key_is_accepted_or_told_by_line(key: str, value: object) -> None:
    text = yaml.safe_dump({**yaml.safe_load(SUITE), key: value}, allow_unicode=True)
    try:
        loading._checked(loading.parse_yaml(text, "x.yaml"), "x", WORDS)
    except BadInput as error:
        assert error.message.startswith("x.yaml")


def test_the_documented_example_loads(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "method.md").read_text()
    example = text.split("```yaml\n")[1].split("```")[0]
    suite = load(example, tmp_path)
    assert [group.targets for group in suite.groups] == [["host", "android"], ["host", "real"]]


def test_the_current_release_of_an_engine_may_be_called_so(tmp_path: Path, pinned: Pinned) -> None:
    named = SUITE.replace("tflite: {cpu: {delegate: xnnpack}}", "ortjs@current: {wasm: {wasm_build: simd-threads}}")
    assert load(named, tmp_path).groups[0].engines == {"ortjs": {"wasm": [{"wasm_build": ["simd-threads"]}]}}
    twice = named + "      ortjs: [wasm]\n"
    pinned(mistake(twice, tmp_path).message)


def test_threads_may_be_all_cores(tmp_path: Path, pinned: Pinned) -> None:
    assert load(SUITE.replace("[2]", "[1, all]"), tmp_path).threads == [1, "all"]
    pinned(mistake(SUITE.replace("[2]", "[most]"), tmp_path).message)


def test_the_example_of_the_documentation_is_a_suite(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    text = (Path(__file__).parents[2] / "docs" / "method.md").read_text(encoding="utf-8")
    (example,) = [one.partition("```")[0] for one in text.split("```yaml\n")[1:] if one.startswith("title:")]
    suite = load(example, tmp_path)
    assert suite.groups[0].engines["tflite"] == {"cpu": [{"delegate": ["xnnpack"], "arithmetic": ["fp32", "fp16"]}]}
    assert suite.groups[1].engines["tfjs"]["webgl"] == [{"gpu": ["auto"]}]
    assert not recwarn.list
