"""External meters: their names, their two protocols, and that nothing that they send harms."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.core.errors import BadInput
from mobilebench.core.records import EnergyWindow
from mobilebench.recorders.energy import meter_files, meter_tcp, meters
from mobilebench.recorders.energy.meter_csv import CsvMeter
from mobilebench.recorders.energy.meter_tcp import TcpMeter
from mobilebench.recorders.energy.meters import Address, BadSample


def test_names_of_meters():
    assert meters.address("tcp:127.0.0.1:7000") == Address(host="127.0.0.1", port=7000)
    assert meters.address("tcp:[::1]:7000") == Address(host="::1", port=7000)
    assert meters.address("tcp:meter-2.lab:7000").host == "meter-2.lab"
    assert meters.address("csv:a,b.csv").file == Path("a,b.csv")


def test_a_plan_names_a_file_and_not_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    name, sha256 = meter_files.named("csv:x.csv")
    assert (name, len(sha256)) == ("csv:x.csv", 64)
    assert meter_files.named(f"csv:{tmp_path / 'x.csv'}") == (name, sha256)
    (tmp_path / "other").mkdir()
    assert meter_files.named("csv:other/x.csv")[1] != sha256
    window = EnergyWindow(meter=name, meter_sha256=sha256)
    assert str(tmp_path) not in window.model_dump_json()
    assert meter_files.path_of(window) == tmp_path / "x.csv"
    assert meter_files.named("tcp:h:1") == ("tcp:h:1", None)
    with pytest.raises(BadInput, match=r"not known on this computer where the meter's file y.csv is"):
        meter_files.path_of(EnergyWindow(meter="csv:y.csv"))


def test_a_path_that_an_earlier_release_stored_is_not_shown():
    window = EnergyWindow.model_validate({"meter": "csv:/home/anna/x.csv"})
    assert window.meter == "csv:x.csv"
    assert "anna" not in window.model_dump_json()


@pytest.mark.parametrize(
    "text", ["", "csv:", "csv:\0", "tcp:host", "tcp::7000", "tcp:host:0", "tcp:host:65536", "tcp:a b:1", "udp:h:1"]
)
def test_other_names_are_refused(text):
    with pytest.raises(BadInput):
        meters.address(text)


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-inf", "0x10", "1_0", "1,5", "", "1e999", "\u0661", "+", "1e", "1" * 30]
)
def test_what_is_no_decimal_number_is_refused(text):
    with pytest.raises(BadSample):
        meters.sample("1.5", text)
    with pytest.raises(BadSample):
        meters.sample(text, "1.5")


def test_impossible_samples_are_refused():
    assert meters.sample("1.5", "-0.25") == meters.Sample(1.5, -0.25)
    for time_text, power_text in (("-1", "5"), ("1e30", "5"), ("1", "1e7"), ("1", "-1e7")):
        with pytest.raises(BadSample):
            meters.sample(time_text, power_text)
    one = meters.sample("2", "5")
    assert meters.after(one, 1.0) is one
    with pytest.raises(BadSample):
        meters.after(one, 2.0)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_a_sample_or_is_refused(one, other):
    try:
        found = meters.sample(one, other)
    except BadSample:
        return
    assert 0 <= found.time_s <= meters.MOST_SECONDS
    assert abs(found.power_mw) <= meters.MOST_MW


@contextmanager
def simulated_meter(send: Callable[[socket.socket], None]) -> Iterator[Address]:
    """A meter that listens on a free port of this computer and sends what `send` sends to its first client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                try:
                    send(client)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Address(host="127.0.0.1", port=listener.getsockname()[1])
        thread.join()


def read_from(send: Callable[[socket.socket], None], until: Callable[[TcpMeter], bool]) -> TcpMeter:
    with simulated_meter(send) as address:
        meter = TcpMeter(address)
        meter.start()
        patience = time.monotonic() + 60
        while not until(meter):
            assert time.monotonic() < patience
            time.sleep(0.005)
        meter.stop()
    return meter


def failed(meter: TcpMeter) -> bool:
    return meter.samples()[1] is not None and not (meter._thread and meter._thread.is_alive())


def test_a_meter_on_its_own_clock_is_set_against_this_computers():
    begun = time.monotonic()

    def send(client: socket.socket) -> None:
        for number in range(20):
            client.sendall(b"%.4f %d\n" % (5000 + number * 0.01, 700 + number))
            time.sleep(0.01)
        client.recv(1)

    meter = read_from(send, lambda one: len(one.samples()[0]) == 20)
    found, reason = meter.samples()
    assert reason is None
    assert [power for _, power in found] == [700.0 + number for number in range(20)]
    assert found[-1][0] - found[0][0] == pytest.approx(0.19)
    assert begun <= found[0][0] <= time.monotonic()


@pytest.mark.parametrize(
    ("sent", "kept", "why"),
    [
        (b"1 5\n2 6\nhello\n", 2, "line 3 of the meter is no sample"),
        (b"1 5\n2 nan\n", 1, "power is 'nan'"),
        (b"-1 5\n", 0, "time of -1 s is impossible"),
        (b"2 5\n1 6\n", 1, "is not after"),
        (b"1 5 7\n", 0, "it is not `T_SECONDS POWER_MW`"),
        (b"\xff\xfe\n", 0, "is not text"),
        (b"1 5\n", 1, "closed the connection"),
        (b"", 0, "closed the connection"),
        (b"9" * 5000, 0, "more than 200 bytes"),
        (b"1 " + b"0" * 300 + b"\n", 0, "no sample"),
    ],
)
def test_what_a_meter_must_not_send_ends_it(sent, kept, why):
    meter = read_from(lambda client: client.sendall(sent), failed)
    found, reason = meter.samples()
    assert (len(found), why in str(reason)) == (kept, True), reason


def test_a_flood_is_cut(monkeypatch):
    monkeypatch.setattr(meter_tcp, "MOST_SAMPLES", 1000)

    def send(client: socket.socket) -> None:
        for number in range(1_000_000):
            client.sendall(b"%d 5\n" % number)

    found, reason = read_from(send, failed).samples()
    assert len(found) == 1000
    assert "more than 1000 lines" in str(reason)


def test_a_meter_that_is_silent_is_given_up(monkeypatch):
    monkeypatch.setattr(meter_tcp, "SILENT_SECONDS", 0.3)
    found, reason = read_from(lambda client: client.recv(1) and None, failed).samples()
    assert (found, reason) == ([], "the meter sent nothing for 0.3 s")


def test_a_meter_that_is_not_there_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(BadInput, match=f"127.0.0.1:{port}"):
        TcpMeter(Address(host="127.0.0.1", port=port)).start()


def csv_of(tmp_path: Path, text: str, **options: object) -> CsvMeter:
    file = tmp_path / "meter.csv"
    file.write_text(text, encoding="utf-8")
    return CsvMeter(file, **options)  # type: ignore[arg-type]


def stopped(meter: CsvMeter, rows: Callable[[float], list[str]]) -> tuple[list[tuple[float, float]], str | None]:
    """The samples of a window in which these rows were added to the file; they are given when it began."""
    meter.start()
    with meter._file.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{row}\n" for row in rows(meter._began))
    meter.stop()
    return meter.samples()


def test_rows_of_the_window_are_read_on_the_monotonic_clock(tmp_path):
    meter = csv_of(tmp_path, f"monotonic,volts,power_mw\n{time.monotonic() - 100},4,5\n")
    found, reason = stopped(meter, lambda began: [f"{began!r},4,6", f"{began + 50!r},4,7", f"{began + 100!r},4,8"])
    assert reason is None
    assert found == [(meter._began, 6.0), (pytest.approx(meter._began + 50), 7.0)]


def test_rows_on_unix_time_and_their_offset(tmp_path):
    meter = csv_of(tmp_path, "time,power_mw\n", offset_s=3600.0)
    unix = time.time()
    found, reason = stopped(meter, lambda began: [f"{unix - 3550:.6f},6"])
    assert reason is None
    ((at, power),) = found
    assert power == 6.0
    assert meter._began + 40 < at < meter._began + 51


def test_a_clock_that_was_set_makes_rows_on_unix_time_useless(tmp_path):
    jumps = iter([1000.0, 5000.0])
    meter = csv_of(tmp_path, "time,power_mw\n", unix_time=lambda: next(jumps) + time.monotonic())
    assert "clock was set by 4000.00 s" in str(stopped(meter, lambda began: ["1e9,5"])[1])


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("9000000001,nan", "row 3 of the meter's file is no sample"),
        ("9000000001", "too few columns"),
        ("9,5", "is not after"),
        ("-1,5", "impossible"),
        ("1" * 300 + ",5", "no sample"),
    ],
)
def test_a_bad_row_ends_the_file(tmp_path, row, why):
    meter = csv_of(tmp_path, "monotonic,power_mw\n")
    found, reason = stopped(meter, lambda began: [f"{began!r},5", row])
    assert [power for _, power in found] == [5.0]
    assert why in str(reason)


def test_a_file_that_is_no_meters_is_refused_at_once(tmp_path):
    for text in ("", "power_mw\n", "time,power_mw", "time,monotonic,power_mw\n", "a,b\n"):
        with pytest.raises(BadInput, match="header"):
            csv_of(tmp_path, text).start()
    with pytest.raises(BadInput, match="no file"):
        CsvMeter(tmp_path / "other.csv").start()
    with pytest.raises(BadInput, match="no file"):
        CsvMeter(tmp_path).start()


def test_a_file_without_rows_of_the_window_says_so(tmp_path):
    cancel = threading.Event()
    cancel.set()
    meter = csv_of(tmp_path, "monotonic,power_mw\n1,5\n", cancel=cancel)
    assert stopped(meter, lambda began: []) == ([], "the file has no row of the time of the block")
