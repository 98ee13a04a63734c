"""How fast our page server sends a large model over loopback, against nginx on the same machine.

The same file of 528 MB (VGG16's weights), the same client in a process of its own, one connection for each download, in
interleaved pairs whose order alternates. Promise: at least 0.8 of nginx's speed.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.ratios import paired_ratio
from mobilebench.browsers.server import PageServer

SIZE = 528_000_000
PROMISE = 0.8
_START_SECONDS = 10
_CHUNK = 1 << 20
_CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/site;
    }}
}}
"""
_CLIENT = """
import http.client, sys, time
port, path, size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
buffer = memoryview(bytearray(1 << 20))
began = time.perf_counter()
connection.request("GET", path)
response = connection.getresponse()
count = 0
while got := response.readinto(buffer):
    count += got
seconds = time.perf_counter() - began
if response.status != 200 or count != size:
    sys.exit(f"{response.status}, {count} bytes")
print(seconds)
"""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--bytes", type=int, default=SIZE)
    chosen = parser.parse_args(arguments)
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if nginx is None:
        sys.exit("There is no nginx to compare with: apt-get install nginx-light.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = model_file(folder, chosen.bytes)
        with our_server(folder, model) as ours, nginx_server(nginx, folder) as theirs:
            speeds = measure({"page server": ours, "nginx": theirs}, chosen.bytes, chosen.pairs)
    ratio = paired_ratio(speeds["page server"], speeds["nginx"])
    print("| bytes | page server, MB/s | nginx, MB/s | page server / nginx | 95 % interval | pairs |")
    print("|---:|---:|---:|---:|---|---:|")
    medians = " | ".join(f"{statistics.median(speeds[name]):.0f}" for name in ("page server", "nginx"))
    print(f"| {chosen.bytes} | {medians} | {ratio.median:.3f} | {ratio.interval} | {ratio.pairs} |")
    print(f"\nMost memory that this process, which serves, ever had: {peak_megabytes():.0f} MB.")
    return 0 if ratio.median >= PROMISE else 1


def model_file(folder: Path, size: int) -> Path:
    """A file of this size that no file system can store as a hole, in nginx's site."""
    (folder / "site").mkdir()
    folder.chmod(0o755)
    path = folder / "site" / "model.bin"
    block = os.urandom(_CHUNK)
    with path.open("wb") as file:
        for _ in range(size // _CHUNK):
            file.write(block)
        file.write(block[: size % _CHUNK])
    return path


@contextmanager
def our_server(folder: Path, model: Path) -> Iterator[tuple[int, str]]:
    """Port and path of the model on our server."""
    pages = folder / "pages"
    pages.mkdir()
    (pages / "bench.html").write_text("<p>bench</p>")
    server = PageServer(pages)
    try:
        with server.visit({"model.bin": model}) as visit:
            yield server.port, f"{visit.path}model.bin"
    finally:
        server.close()


@contextmanager
def nginx_server(program: str, folder: Path) -> Iterator[tuple[int, str]]:
    """Port and path of the model on an nginx of our own, which ends when this is left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")])
    try:
        wait_for(port)
        yield port, "/model.bin"
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def wait_for(port: int) -> None:
    """Until something listens there."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit("nginx did not start.")
            time.sleep(0.02)


def measure(servers: dict[str, tuple[int, str]], size: int, pairs: int) -> dict[str, list[float]]:
    """MB/s of every download by server, after one of each that is thrown away."""
    speeds: dict[str, list[float]] = {name: [] for name in servers}
    for pair in range(-1, pairs):
        for name in servers if pair % 2 == 0 else reversed(servers):
            speed = size / download(*servers[name], size) / 1e6
            if pair >= 0:
                speeds[name].append(speed)
    return speeds


def download(port: int, path: str, size: int) -> float:
    """Seconds, measured by a client in a process of its own."""
    argv = [sys.executable, "-c", _CLIENT, str(port), path, str(size)]
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def peak_megabytes() -> float:
    """Of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    sys.exit(main())
