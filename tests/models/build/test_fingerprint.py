"""A fingerprint follows what a definition does and uses, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mobilebench.models.build import fingerprint

LAYERS = """
'''Layers.'''
from __future__ import annotations
SCALE = 2
SPARE: int = 3

def dense(x):
    '''A layer.'''
    return helper(x) * SCALE  # twice

def helper(x):
    return x + 1

def unused(x):
    return x - SPARE
"""
NETWORK = """
from __future__ import annotations
from some_zoo import layers
SEED = 1
'''Where it begins.'''

def network(weights):
    return layers.dense(weights)
"""


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "some_zoo"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "layers.py").write_text(LAYERS)
    (folder / "net.py").write_text(NETWORK)
    monkeypatch.delitem(sys.modules, "some_zoo", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(fingerprint, "_FOLLOWED", ("some_zoo",))
    return folder


def taken() -> list[str]:
    fingerprint._read.cache_clear()
    fingerprint.definition.cache_clear()
    return fingerprint.definition("some_zoo.net")


@pytest.mark.parametrize(
    ("file", "old", "new", "follows"),
    [
        ("layers.py", "x + 1", "x + 2", True),
        ("layers.py", "SCALE = 2", "SCALE = 3", True),
        ("net.py", "SEED = 1", "SEED = 2", True),
        ("layers.py", "x - SPARE", "x - 2 * SPARE", False),
        ("layers.py", "SPARE: int = 3", "SPARE: int = 4", False),
        ("layers.py", "# twice", "# two times", False),
        ("layers.py", "A layer.", "Another docstring.", False),
        ("net.py", "Where it begins.", "The seed.", False),
    ],
)
def test_it_follows_what_the_network_uses(zoo: Path, file: str, old: str, new: str, follows: bool) -> None:
    before = taken()
    text = (zoo / file).read_text()
    assert old in text
    (zoo / file).write_text(text.replace(old, new))
    assert (taken() != before) is follows


def test_names_may_be_imported_one_by_one(zoo: Path) -> None:
    (zoo / "net.py").write_text("from some_zoo.layers import dense as layer\n\ndef network(w):\n    return layer(w)\n")
    before = taken()
    (zoo / "layers.py").write_text(LAYERS.replace("x + 1", "x + 2"))
    assert taken() != before


def test_a_name_is_followed_into_other_modules_and_no_further() -> None:
    of = fingerprint.definition
    exact = "\n".join(of("mobilebench.models.build.worker", "in_fp32"))
    assert "def parted" in exact
    assert "def int8" not in exact
    assert "def why_not" not in exact
    assert "def int8" in "\n".join(of("mobilebench.models.build.worker", "derived"))


def test_real_definitions_use_only_their_own_layers() -> None:
    text = "\n".join(fingerprint.definition("mobilebench.models.zoo.mobilenet_v2"))
    assert "class InvertedResidual" in text
    assert "def depthwise" in text
    assert "def layer_norm" not in text
    assert '"""' not in text
