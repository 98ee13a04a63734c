"""Write mobilebench/models/models.lock.yaml and the tables of docs/models.md anew, from this computer's models.

Run `mobilebench models build --all` before, and look at the differences: a digest changes only when a definition or a
converter does.
"""

from __future__ import annotations

import re
from pathlib import Path

from mobilebench.models import lockfile, registry, table, user_store

_DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "models.md"


def between_markers(text: str, name: str, content: str) -> str:
    """`text` with `content` between `<!-- name -->` and `<!-- end of name -->`."""
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    assert marked.search(text), name
    return marked.sub(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text)


def main() -> None:
    models = {name: lockfile.of(name) for name in registry.names() if not user_store.find(name)}
    lockfile.write(models)
    text = _DOCUMENT.read_text()
    for name, content in (("sizes", table.sizes(models)), ("published sizes", table.published(models))):
        text = between_markers(text, name, content)
    _DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
