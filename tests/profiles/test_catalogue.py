"""Profiles written by hand: errors name file, line and key, and the user's own profiles are read too."""

from __future__ import annotations

import pytest

from mobilebench import profiles
from mobilebench.core.errors import BadInput
from mobilebench.core.paths import device_profiles
from mobilebench.profiles.catalogue import read_file
from tests.pinning import Pinned

GOOD = (device_profiles() / "tensor-g2.yaml").read_text()


def written(folder, text, name="tensor-g2"):
    file = folder / f"{name}.yaml"
    file.write_text(text)
    return file


def line_with(text, part):
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("year: 2022", "year: soon", "year"),
        ("vendor: Google", "vendors: Google", "vendors"),
        ("count: 2, max_mhz: 2850", "count: two, max_mhz: 2850", "cpu.clusters.0.count"),
        ("max_mhz: 1800", "max_mhz: 9999", "cpu"),
        ("name: prime", "name: giant", "cpu.clusters.0.name"),
        ("ro.board.platform: [gs201]", "ro.board.platform: [/gs201/]", "identify.properties"),
        ("ro.board.platform: [gs201]", "ro.board.platform: [gs201, '/gs(/']", "identify.properties"),
        ("device: panther", "device: panther\n  device: cheetah", "device"),
        ("id: tensor-g2", "id: tensor-g5", "id"),
    ],
)
def test_a_mistake_names_file_line_and_key(tmp_path, old, new, key, pinned: Pinned):
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pinned.raises(BadInput) as caught:
        read_file(written(tmp_path, text))
    assert str(tmp_path / "tensor-g2.yaml") in caught.value.message
    assert f"key {key}" in caught.value.message


def test_the_line_is_the_one_of_the_key(tmp_path, pinned: Pinned):
    text = GOOD.replace("android: 13", "android: thirteen")
    with pinned.raises(BadInput):
        read_file(written(tmp_path, text))


@pytest.mark.parametrize("text", ["", "- a list", "id: [unclosed", "a: *nowhere", "just words", "x: \x00"])
def test_a_file_that_is_not_a_profile_is_bad_input(tmp_path, text):
    with pytest.raises(BadInput, match="line 1"):
        read_file(written(tmp_path, text))


def test_a_file_that_is_not_utf8_is_bad_input(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_bytes(b"id: \xff\xfe")
    with pytest.raises(BadInput, match="UTF-8"):
        read_file(file)


def test_a_source_must_exist_and_be_used(tmp_path, pinned: Pinned):
    with pinned.raises(BadInput):
        read_file(written(tmp_path, GOOD.replace("source: chip}", "source: nowhere}", 1)))
    with pinned.raises(BadInput):
        read_file(written(tmp_path, GOOD + "  spare: {title: A, publisher: B}\n"))


def test_own_profiles_are_read_and_come_first(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    profiles.user_folder().mkdir()
    written(profiles.user_folder(), GOOD.replace("id: tensor-g2", "id: my-chip").replace("GS201", "MY1"), "my-chip")
    assert profiles.match({"ro.soc.model": "MY1"}).id == "my-chip"
    assert profiles.load("my-chip").soc == "Tensor G2"
    assert profiles.match({"ro.soc.model": "GS201"}).id == "tensor-g2"


def test_an_own_profile_replaces_the_shipped_one_of_the_same_id(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    profiles.user_folder().mkdir()
    written(profiles.user_folder(), GOOD.replace("soc: Tensor G2", "soc: Mine"))
    assert profiles.load("tensor-g2").soc == "Mine"
    assert len([profile for profile in profiles.all_profiles() if profile.id == "tensor-g2"]) == 1


def test_the_error_for_an_unknown_id_lists_the_profiles(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    with pytest.raises(BadInput) as caught:
        profiles.load("snapdragon-1")
    assert "snapdragon-1" in caught.value.message
    assert "snapdragon-855" in caught.value.hint
