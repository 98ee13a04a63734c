"""Single parts of the engines, in a sanitised build: the trace's reader, telemetry, and who took which nodes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.build

EXAMPLES = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def probe(folder: Path, *arguments: str, stdin: bytes = b"") -> Any:
    done = subprocess.run(
        [folder / "engine-probe", *arguments], input=stdin, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def trace(folder: Path, text: str | bytes, piece: int = 1 << 20) -> Any:
    return probe(folder, "trace", str(piece), stdin=text.encode() if isinstance(text, str) else text)


def node(name: str = "n", operator: str = "Conv", index: int = 0, duration: float = 5, **more: Any) -> dict[str, Any]:
    arguments = {"op_name": operator, "node_index": str(index), "provider": "CPUExecutionProvider", **more}
    return {"cat": "Node", "name": f"{name}_kernel_time", "dur": duration, "ph": "X", "args": arguments}


CALL = {"cat": "Session", "name": "model_run", "dur": 9, "args": {}}


def test_an_event_is_read_with_its_keys_in_any_order(sanitized: Path) -> None:
    event = node("a/b", "Conv", 7, 12, input_type_shape=[{"float": [1, 2]}], stats={"deep": [{"er": '}]"'}]})
    turned = {key: event[key] for key in reversed(event)}
    for one in (event, turned):
        (read,) = trace(sanitized, json.dumps([one], indent=1))["events"]
        assert read == {
            "category": "Node",
            "name": "a/b_kernel_time",
            "operation": "Conv",
            "provider": "CPUExecutionProvider",
            "node": 7,
            "duration_us": 12,
        }


@pytest.mark.parametrize(
    ("text", "result", "events"),
    [
        ("[]", "end", 0),
        ("[\n]\n", "end", 0),
        ("", "more", 0),
        ("[", "more", 0),
        ('[{"a":1}', "more", 1),
        ('[{"a":1},', "more", 1),
        ('[{"a":1}]', "end", 1),
        ('[{"a":1}]trailing', "end", 1),
        ('[{"a"', "more", 0),
        ('[{"a\\', "more", 0),
        ('[{"a":', "more", 0),
        ('[{"a":12', "more", 0),
        ('[{"a":[', "more", 0),
        ("nonsense", "broken", 0),
        ("[1]", "broken", 0),
        ("[{1}]", "broken", 0),
        ('[{"a" 1}]', "broken", 0),
        ('[{"a":1 "b":2}]', "broken", 0),
        ('[{"a":}]', "broken", 0),
        ('[{"a":[}]}]', "broken", 0),
        ('[{"a":' + "[" * 1000 + "]" * 1000 + "}]", "broken", 0),
        ('[{"args":{"args":{"args":{}}}}]', "end", 1),
        ('[{"args":"no object","dur":"no number","cat":5,"name":[]}]', "end", 1),
    ],
)
def test_texts_that_are_no_whole_trace(sanitized: Path, text: str, result: str, events: int) -> None:
    read = trace(sanitized, text)
    assert (read["result"], len(read["events"])) == (result, events)


def test_values_of_another_kind_are_not_taken(sanitized: Path) -> None:
    for duration in ('"5"', "null", "1e3", "-", "--5", "5.5.5", "[5]"):
        (read,) = trace(sanitized, f'[{{"dur":{duration}}}]')["events"]
        assert read["duration_us"] == -1
    for index in ('"-1"', '"99999999999999"', '"7x"', '""', "[]"):
        (read,) = trace(sanitized, f'[{{"args":{{"node_index":{index}}}}}]')["events"]
        assert read["node"] == -1
    (read,) = trace(sanitized, '[{"dur":0.25,"args":{"node_index":12}}]')["events"]
    assert (read["duration_us"], read["node"]) == (0.25, 12)


def test_long_names_are_cut(sanitized: Path) -> None:
    (read,) = trace(sanitized, json.dumps([node("n" * 500, "o" * 500, provider="p" * 500)]))["events"]
    assert (read["name"], read["operation"], read["provider"]) == ("n" * 127, "o" * 95, "p" * 63)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "cat": st.sampled_from(["Node", "Session"]) | JSON,
        "name": st.text(max_size=20) | JSON,
        "dur": JSON,
        "args": st.dictionaries(st.sampled_from(["op_name", "provider", "node_index", "x"]), JSON) | JSON,
    },
)


@EXAMPLES
@given(st.lists(EVENT, max_size=4), st.integers(1, 200), st.booleans())
def test_a_trace_in_pieces_is_the_same_trace(
    sanitized: Path, events: list[dict[str, Any]], piece: int, spread: bool
) -> None:
    text = json.dumps(events, indent=2 if spread else None)
    whole = trace(sanitized, text)
    assert whole["result"] == "end"
    assert len(whole["events"]) == len(events)
    assert trace(sanitized, text, piece) == whole


@EXAMPLES
@given(st.binary(max_size=200) | st.text('[]{}":,\\abn0.- ', max_size=60).map(str.encode), st.integers(1, 50))
def test_any_bytes_are_read_without_a_fault(sanitized: Path, raw: bytes, piece: int) -> None:
    assert trace(sanitized, raw, piece)["result"] in {"more", "end", "broken"}


def profile(folder: Path, path: Path, events: list[dict[str, Any]] | str, calls: int) -> Any:
    path.write_text(events if isinstance(events, str) else json.dumps(events))
    return probe(folder, "profile", str(calls), str(path))


def test_nodes_belong_to_the_call_that_ends_after_them(sanitized: Path, tmp_path: Path) -> None:
    events = [
        {"cat": "Session", "name": "session_initialization", "dur": 900, "args": {}},
        *[node("a", "Conv", 0, 100), node("b", "MatMul", 1, 50), CALL],
        *[node("a", "Conv", 0, 10), node("b", "MatMul", 1, 5), CALL],
        *[node("a", "Conv", 0, 20), node("a", "Conv", 0, 2), node("b", "MatMul", 1, 7), CALL],
    ]
    read = profile(sanitized, tmp_path / "p.json", events, calls=3)
    assert read["problem"] is None
    assert read["calls_found"] == 3
    assert [(one["name"], one["node"], one["warmup_ms"], one["times_ms"]) for one in read["kernels"]] == [
        ("Conv", 0, 0.1, [0.01, 0.022]),
        ("MatMul", 1, 0.05, [0.005, 0.007]),
    ]


def test_what_is_not_a_kernel_is_left_out(sanitized: Path, tmp_path: Path) -> None:
    fence = {**node(), "name": "n_fence_before"}
    events = [fence, node("loop", "Loop", 3), node("if", "If", 4), node("scan", "Scan", 5), node("c", "Add", 6), CALL]
    read = profile(sanitized, tmp_path / "p.json", events, calls=1)
    assert [one["name"] for one in read["kernels"]] == ["Add"]


def test_parts_that_a_provider_compiles_are_collapsed(sanitized: Path, tmp_path: Path) -> None:
    events = [node("n", "NNAPI_12_1", 3, provider="NnapiExecutionProvider"), node("c", "Add", 6), CALL]
    read = profile(sanitized, tmp_path / "p.json", events, calls=1)
    assert [(one["name"], one["collapsed"]) for one in read["kernels"]] == [("NNAPI_12_1", True), ("Add", False)]


def test_a_profile_that_was_cut_loses_the_torn_call(sanitized: Path, tmp_path: Path) -> None:
    """ONNX Runtime stops writing events after a million, which can be inside a call."""
    events = [node("a"), CALL, node("a"), CALL, node("a")]
    read = profile(sanitized, tmp_path / "p.json", events, calls=9)
    assert read["calls_found"] == 2
    assert [len(one["times_ms"]) for one in read["kernels"]] == [1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "ends in the middle"),
        ('[{"cat":"Node"', "ends in the middle"),
        ("<html>", "is not a list of events"),
        ('[{"name":"' + "x" * (1 << 20) + '"}]', "more than 1048576 bytes"),
    ],
)
def test_a_profile_that_cannot_be_used(sanitized: Path, tmp_path: Path, text: str, problem: str) -> None:
    assert problem in profile(sanitized, tmp_path / "p.json", text, calls=1)["problem"]


def test_a_profile_larger_than_a_piece(sanitized: Path, tmp_path: Path) -> None:
    events = [one for call in range(30) for one in (*[node(f"n{i}", "Conv", i, call) for i in range(300)], CALL)]
    read = profile(sanitized, tmp_path / "p.json", events, calls=30)
    assert (tmp_path / "p.json").stat().st_size > 1 << 20
    assert len(read["kernels"]) == 300
    assert all(one["times_ms"] == [call / 1e3 for call in range(1, 30)] for one in read["kernels"])


def telemetry(folder: Path, *lines: str) -> Any:
    return probe(folder, "telemetry", stdin="\n".join(lines).encode())


def told(read: Any) -> list[tuple[str, int, str, bool, int]]:
    return [
        (one["name"], one["node"], one["provider"], one["collapsed"], len(one["times_ms"])) for one in read["kernels"]
    ]


GPU, XNNPACK = "TfLiteGpuDelegateV2", "TfLiteXNNPackDelegate"


def test_two_delegates_one_of_which_is_looked_into(sanitized: Path) -> None:
    call = [
        *["next", "begin CAST 0 0", "end 0", f"begin {GPU} 30 0", "end 0"],
        *["operator conv 5 0", "operator add 6 1", "begin PAD 9 0", "end 0", "operator conv 4 0"],
    ]
    read = telemetry(sanitized, f"part 30 {GPU}", f"part 31 {XNNPACK}", f"part 32 {XNNPACK}", *call, *call)
    assert told(read) == [
        ("CAST", 0, "", False, 1),
        (GPU, 30, GPU, True, 1),
        ("conv", 0, XNNPACK, False, 1),
        ("add", 1, XNNPACK, False, 1),
        ("PAD", 9, "", False, 1),
        ("conv", 2, XNNPACK, False, 1),
    ]
    assert (read["parts_timed"], read["parts_untimed"]) == (2, 0)
    assert [one["times_ms"] for one in read["kernels"] if one["name"] == "conv"] == [[0.005], [0.004]]


def test_a_part_without_kernels_is_noted(sanitized: Path) -> None:
    read = telemetry(sanitized, f"part 3 {XNNPACK}", "next", "begin CAST 0 0", "end 0")
    assert (read["parts_timed"], read["parts_untimed"]) == (0, 1)


def test_an_operator_that_runs_others_is_not_counted_beside_them(sanitized: Path) -> None:
    lines = ["begin WHILE 4 0", "begin ADD 0 1", "end 1", "begin ADD 1 1", "end 1", "end 0", "begin MUL 5 0", "end 0"]
    read = telemetry(sanitized, "next", *lines)
    assert told(read) == [("ADD", -1, "", False, 0), ("ADD", -1, "", False, 0), ("MUL", 5, "", False, 0)]
    assert all(one["warmup_ms"] > 0 for one in read["kernels"])


def test_events_before_the_first_prediction_and_out_of_order_are_left_out(sanitized: Path) -> None:
    read = telemetry(sanitized, "begin PREPARE 0 0", "end 0", "operator conv 5 0", "next", "end 0", "end 7")
    assert read["kernels"] == []


def test_nesting_beyond_the_stack_is_not_timed(sanitized: Path) -> None:
    deep = [f"begin IF {level} 0" for level in range(20)] + [f"end {level}" for level in reversed(range(20))]
    read = telemetry(sanitized, "next", *deep)
    assert [one["name"] for one in read["kernels"]] == ["IF"]


def plan(folder: Path, *lines: str) -> Any:
    return probe(folder, "plan", stdin="\n".join(lines).encode())


def test_each_of_several_delegates_gets_the_nodes_that_its_parts_need(sanitized: Path) -> None:
    read = plan(
        sanitized,
        *["0 CONV 0 1 0", "0 ADD 1,0 2 0", "0 CAST 2 3 1", "0 MUL 3 4 0", "0 SUB 4,2 5 0", "0 TANH 5 6 0"],
        *["0 EXP 0 7 0", "0 ADD 6,7 8 1"],
        *[f"51 {GPU} 0 2 1", f"51 {XNNPACK} 3,2 6 1", f"51 {GPU} 0 7 1"],
    )
    assert read == {"read": True, "nodes": 8, "left": 2, "shares": [[GPU, 3, 2], [XNNPACK, 3, 1]]}


def test_one_delegate_is_counted(sanitized: Path) -> None:
    read = plan(sanitized, "0 CONV 0 1 0", "0 ADD 1 2 0", "0 CAST 2 3 1", f"51 {XNNPACK} 0 2 1")
    assert read == {"read": True, "nodes": 3, "left": 1, "shares": [[XNNPACK, 2, 1]]}


def test_no_delegate(sanitized: Path) -> None:
    read = plan(sanitized, "0 CONV 0 1 1", "0 ADD 1 2 1")
    assert read == {"read": True, "nodes": 2, "left": 2, "shares": []}
