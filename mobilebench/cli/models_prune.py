"""`mobilebench models prune`."""

from __future__ import annotations

from typing import Annotated

import typer

from mobilebench.cli.output import console, say
from mobilebench.core.sizes import decimal_size


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also remove current models and weights, and all compressed copies.")
    ] = False,
) -> None:
    """Make room: remove models of older definitions, weights that no model names, what killed processes left, and
    compressed copies (`--encoding gzip,br`) of files that are not here any more.

    What another process builds, fetches or uses stays. Models that you added with `models add` are never touched.
    """
    from mobilebench.core import paths
    from mobilebench.models.prune import prune as pruned

    things = pruned(everything=everything, dry_run=dry_run)
    if everything:
        verb = "would go" if dry_run else "go"
        what = f"All built models, fetched weights and compressed copies of {paths.cache()}"
        say(f"{what} {verb}; they can be made again.")
    found = freed = kept = 0
    for one in things:
        what = "in use, stays" if one.in_use else ("would go" if dry_run else "removed")
        place = str(one.path.relative_to(paths.cache()))
        if one.files is not None:
            place = f"{one.files} file{'' if one.files == 1 else 's'} in {place}"
        console().print(
            f"{what}: {place} ({decimal_size(one.bytes)}; {one.why})", markup=False, highlight=False, soft_wrap=True
        )
        freed += 0 if one.in_use else one.bytes
        kept += one.in_use
        found += 1
    say(_sum(found, freed, kept, dry_run))


def _sum(found: int, freed: int, kept: int, dry_run: bool) -> str:
    if not found:
        return "Nothing to prune."
    in_use = f"; {kept} in use" if kept else ""
    return f"{decimal_size(freed)} {'would be' if dry_run else 'were'} freed{in_use}."
