"""Configurations: what is refused, and where the message says it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.nights.config import (
    EXAMPLE,
    AbStep,
    Config,
    Flakes,
    Regression,
    SuiteStep,
    Tell,
    arguments,
    load,
)
from tests.nights.rig import config
from tests.pinning import Pinned


def test_the_example_is_valid_with_and_without_its_comments(tmp_path: Path) -> None:
    loaded, _ = load(EXAMPLE)
    assert (loaded.name, loaded.budget, loaded.regression.slower["setup"]) == ("lab", 6 * 3600, 0.3)
    lines = EXAMPLE.read_text().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("name:"))
    whole = [
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") and not line.startswith("# Two") else line
        for line in lines[begin:]
    ]
    (tmp_path / "whole.yaml").write_text("\n".join(whole))
    every, _ = load(tmp_path / "whole.yaml")
    assert [step.title for step in every.steps] == ["quick", "web-4g", "beta", "next-tflite"]
    assert every.tell[0].webhook == "NIGHT_WEBHOOK"
    assert every.rack == str(tmp_path / "lab.yaml")
    assert every.mend


@pytest.mark.parametrize(
    "text",
    [
        "name: lab\nsuits: [{suite: quick}]\n",
        "name: lab\n",
        "suites: [{suite: quick}]\n",
        "name: a b\nsuites: [{suite: quick}]\n",
        "name: lab\nbudget: long\nsuites: [{suite: quick}]\n",
        "name: lab\nsuites: [{suite: quick}, {suite: quick}]\n",
        "name: lab\nsuites: [{suite: quick}]\nregression:\n  slower: {prediction: fast}\n",
        "name: lab\nsuites: [{suite: quick}]\nregression:\n  slower: {predictions: 5%}\n",
        "name: lab\nsuites: [{suite: quick}]\nregression: {missing: true}\n",
        "name: lab\nsuites: [{suite: quick}]\nbaseline: 0 nights back\n",
        "name: lab\nsuites: [{suite: quick}]\nbaseline: the day before\n",
        "name: lab\nsuites: [{suite: quick}]\nflakes: {nights: 1}\n",
        "name: lab\nab: [{name: x, suite: web}]\n",
        "name: lab\nab: [{name: x, suite: web, engine: {before: a, after: a@1}, browser: {before: a, after: b}}]\n",
        "name: lab\nab: [{name: x, suite: web, rounds: 2, engine: {before: a, after: a@1}}]\n",
        "name: lab\nab: [{name: x, suite: web, engine: {before: tfjs, after: ortjs}}]\n",
        "name: lab\nab: [{name: x, suite: web, browser: {before: chrome, after: chrome=/opt/chrome}}]\n",
        "name: lab\nsuites: [{suite: quick}]\ntell: [{webhook: https://chat.example/x}]\n",
        "name: lab\nsuites: [{suite: quick}]\ntell: [{file: night.md}]\n",
        "name: lab\nsuites: [{suite: quick}]\ntell: [{file: night.xml, format: junit, append: true}]\n",
        "name: lab\nsuites: [{suite: quick}]\nmend: yes please\n",
        "- name\n",
    ],
)
def test_a_mistake_is_refused_with_its_place(tmp_path: Path, pinned: Pinned, text: str) -> None:
    (tmp_path / "night.yaml").write_text(text)
    with pinned.raises(BadInput):
        load(tmp_path / "night.yaml")


def test_relative_files_begin_at_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "night.yaml").write_text(
        "name: lab\nrack: r.yaml\nsuites: [{suite: own.yaml}, {suite: quick}]\n"
        "tell: [{file: a.md, format: markdown}, {file: $X/a.md, format: markdown}]\n"
    )
    loaded, _ = load(tmp_path / "night.yaml")
    assert (loaded.rack, loaded.suites[0].suite) == (str(tmp_path / "r.yaml"), str(tmp_path / "own.yaml"))
    assert loaded.suites[1].suite == "quick"
    assert [one.file for one in loaded.tell] == [str(tmp_path / "a.md"), "$X/a.md"]
    assert [step.title for step in loaded.suites] == ["own", "quick"]


@pytest.mark.parametrize(
    ("options", "typed"),
    [
        ({}, []),
        ({"effort": "quick", "blocks": 5}, ["--effort", "quick", "--blocks", "5"]),
        ({"model": ["a", "b"]}, ["--model", "a", "--model", "b"]),
        ({"headed": True, "trace": False}, ["--headed"]),
        ({"within": 0.02}, ["--within", "0.02"]),
    ],
)
def test_options_become_arguments(options: dict[str, Any], typed: list[str]) -> None:
    assert arguments(options) == typed


def test_a_tls_address_is_a_rack_on_other_hosts() -> None:
    assert config(rack="tls://rack.example:8786").on_rack
    assert not config(rack="lab.yaml").on_rack
    assert config(baseline="7 nights back").nights_back == 7
    assert config().nights_back is None


def test_every_key_is_described() -> None:
    text = (Path(__file__).parents[2] / "docs" / "nightly.md").read_text()
    for part in (Config, SuiteStep, AbStep, Regression, Flakes, Tell):
        for name, field in part.model_fields.items():
            assert f"`{field.alias or name}`" in text, (part.__name__, name)
