"""The profile in the documentation is valid as written."""

from __future__ import annotations

import re
from pathlib import Path

from mobilebench.profiles.catalogue import read_file

DOCUMENT = Path(__file__).parents[2] / "docs" / "devices.md"


def test_the_documented_profile_is_valid(tmp_path):
    texts = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (text,) = (one for one in texts if "identify:" in one)
    file = tmp_path / "example-one.yaml"
    file.write_text(text)
    profile = read_file(file)
    assert profile.cores == 8
    assert profile.identify.accepts("ro.soc.model", "ex1000b")
    assert not profile.identify.accepts("ro.soc.model", "EX10001")
