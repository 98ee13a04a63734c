"""A real Firefox keeps to this computer."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from mobilebench.browsers import firefox
from mobilebench.browsers.connect import open_page


@pytest.mark.browser
def test_it_looks_up_no_name_but_loopback(tmp_path: Path, temporary: Path) -> None:
    log = ("MOZ_LOG=sync,nsHostResolver:5", f"MOZ_LOG_FILE={tmp_path}/log")
    with firefox.launch(log) as running, open_page(running.address) as page:
        page.evaluate("fetch('http://127.0.0.1:1025/').catch(() => 0)", timeout=60)
        time.sleep(4)
    text = "".join(file.read_text(errors="replace") for file in tmp_path.glob("log*"))
    names = set(re.findall(r"Resolving host \[([^\]]*)\]", text))
    assert names
    assert names <= {"127.0.0.1", "localhost", "::1"}
