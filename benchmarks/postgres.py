"""How fast samples get into PostgreSQL, and how long a night's report from it takes.

Starts a server of its own with its usual settings (also `fsync`) in a temporary folder, on a socket. SAMPLES
made-up samples are stored as runs store them, block by block (`append`), and as copies of runs do (`insert` of many
blocks); a part of them by SQLAlchemy, one row in a statement and many rows in one. Ratios are within one run of this
program, and each way writes into a table with the same keys. Promise: at least 5 times the rate of SQLAlchemy's row
inserts, and the report of a night with all samples in at most 10 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert

from benchmarks.store_scale import ROUNDS, made_up, timed
from mobilebench.core.records import Block, Run
from mobilebench.results import tables
from mobilebench.results.places import Place
from mobilebench.results.store import Store
from tests.postgresql import Server

PREDICTIONS = 200
SHARE = 20
"""SQLAlchemy's single rows are timed with this part of the samples: they are slow."""
ATTEMPTS = 3


def samples_of(blocks: Sequence[Block]) -> int:
    return sum(
        len(one.measurement.prediction_ms) + len(one.measurement.warmup_ms) + len(one.measurement.setup_ms)
        for one in blocks
        if one.measurement
    )


def rates(store: Store, run: Run) -> Iterator[tuple[str, int, float]]:
    """Way, number of samples and rate (samples/s) of each way to insert samples; the median of a few attempts."""
    run_id = run.info.id
    few = run.blocks[: max(1, len(run.blocks) // SHARE)]

    def rows(blocks: Sequence[Block]) -> list[dict[str, Any]]:
        return [row for block in blocks for row in tables.sample_rows(run_id, block)]

    def single(connection: Any, found: list[dict[str, Any]]) -> None:
        for row in found:
            connection.execute(insert(tables.samples), row)

    def many(connection: Any, found: list[dict[str, Any]]) -> None:
        connection.execute(insert(tables.samples), found)

    def by_copy(connection: Any, found: list[dict[str, Any]]) -> None:
        store.database.insert(connection, tables.samples, found)

    ways: tuple[tuple[str, Callable[[Any, list[dict[str, Any]]], None], Sequence[Block]], ...] = (
        ("SQLAlchemy, one row in a statement", single, few),
        ("SQLAlchemy, many rows in a call", many, few),
        ("COPY", by_copy, run.blocks),
    )
    for title, way, blocks in ways:
        found = rows(blocks)
        seconds = []
        for _ in range(ATTEMPTS):
            with store.database.writing() as connection:
                connection.execute(delete(tables.samples).where(tables.samples.c.run_id == run_id))
            begun = time.perf_counter()
            with store.database.writing() as connection:
                way(connection, found)
            seconds.append(time.perf_counter() - begun)
        yield title, len(found), len(found) / sorted(seconds)[ATTEMPTS // 2]


@contextmanager
def served() -> Iterator[Server]:
    server = Server(fsync=True)
    try:
        yield server
    finally:
        server.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    cases = max(1, parser.parse_args().samples // (ROUNDS * PREDICTIONS))
    run = made_up(cases, PREDICTIONS)
    info = run.info.model_copy(update={"id": "20260102-000000-bbbb"})
    other = run.model_copy(update={"info": info})
    with served() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = server.create()
        with Store.open(Place(url, folder)) as store:
            store.create_run(run.info, run.planned)
            begun = time.perf_counter()
            with store.owning(run.info.id):
                for block in run.blocks:
                    store.append(run.info.id, block)
            by_block = time.perf_counter() - begun
            whole = samples_of(run.blocks)
            print(f"{cases} cases, {len(run.blocks)} blocks, {whole:,} samples\n")
            print(f"Block by block, each in a transaction of its own: {whole / by_block:,.0f} samples/s, ", end="")
            print(f"{1000 * by_block / len(run.blocks):.1f} ms a block.\n")

            store.create_run(other.info, other.planned)
            with store.database.writing() as connection:
                store.database.insert(
                    connection, tables.blocks, [tables.block_row(info.id, block) for block in other.blocks]
                )
            print("| way | samples | samples/s | COPY / this |\n|---|---:|---:|---:|")
            measured = list(rates(store, other))
            best = measured[-1][2]
            for title, count, rate in measured:
                print(f"| {title} | {count:,} | {rate:,.0f} | {best / rate:.1f} |", flush=True)
            facts = {}
            with store.reading() as connection:
                facts = store.database.facts(connection)
        print(f"\nSize of the database with both runs: {int(facts['bytes']) / 1e6:.0f} MB\n")
        print("| command | time | CPU time | peak memory |\n|---|---:|---:|---:|")
        for line in ("results", f"results {run.info.id}", f"report {run.info.id}", "store check"):
            words = [*line.split(), "--store", url, "--out", str(folder)]
            seconds, busy, peak = timed([sys.executable, "-m", "mobilebench", *words])
            print(f"| `{line.split('2')[0].strip()}` | {seconds:.1f} s | {busy:.1f} s | {peak:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
