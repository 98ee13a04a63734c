"""Verdicts on native blocks: who computed the nodes, on which cores, with which caches, in which pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mobilebench.core.records import BlockRule, Case, Conditions, PlannedBlock, Verdict
from mobilebench.models.synthetic_inputs import summarise
from mobilebench.verdicts.findings import percent
from mobilebench.verdicts.native import cores_in_words
from tests.ways import axes

from ..results.making import host
from .test_rules import ANSWER, NATIVE, VALID, verdict

XNNPACK = {"name": "TfLiteXNNPackDelegate", "nodes": 60}
READING = {"at_ms": 1.0, "rss_kb": 1000}


def judged(
    engine: str = "tflite",
    backend: str = "cpu",
    choice: str = "",
    *,
    cores: str = "none",
    caches: str = "as found",
    pass_: str = "timing",
    conditions: dict[str, Any] | None = None,
    reported: dict[str, Any] | None = None,
    **proof: Any,
) -> Verdict:
    case = Case(
        **{
            "target": "host",
            "engine": engine,
            "backend": backend,
            **axes(engine, backend, choice),
            "threads": 2,
            "model": "m",
            "affinity": cores,
            "caches": caches,
        }
    )
    planned = PlannedBlock(
        index=0, round=0, case=case, rule=BlockRule(), conditions=Conditions(**(conditions or {})), pass_=pass_
    )
    facts = {**NATIVE, "backend": backend, **({} if backend == "cpu" else {"threads": 3}), **proof}
    return verdict(case, facts, host(cores=2), planned=planned, **(reported or {}))


def told(status: str, found: Verdict, *says: str) -> None:
    assert found.status == status, found
    assert len(found.sentences) == 1, found
    for part in says:
        assert part in found.sentences[0]


class TestDelegation:
    GPU = ("tflite", "gpu", "fp32")
    NNAPI = ("onnxruntime", "nnapi", "")

    @pytest.mark.parametrize(
        ("engine", "backend", "choice", "name"),
        [
            ("tflite", "gpu", "fp32", "TfLiteGpuDelegateV2"),
            ("tflite", "nnapi", "", "TfLiteNnapiDelegate"),
            ("onnxruntime", "nnapi", "", "NnapiExecutionProvider"),
            ("onnxruntime", "qnn", "", "QNNExecutionProvider"),
            ("onnxruntime", "webgpu", "", "WebGpuExecutionProvider"),
            ("onnxruntime", "cuda", "", "CUDAExecutionProvider"),
            ("onnxruntime", "dml", "", "DmlExecutionProvider"),
            ("onnxruntime", "openvino", "", "OpenVINOExecutionProvider"),
            ("onnxruntime", "xnnpack", "", "XnnpackExecutionProvider"),
        ],
    )
    def test_every_backend_by_the_name_that_its_engine_gives_it(
        self, engine: str, backend: str, choice: str, name: str
    ) -> None:
        threads = {"threads": 2} if backend == "xnnpack" else {}
        whole = [{"name": name, "nodes": 100}]
        assert judged(engine, backend, choice, delegates=whole, graph_nodes=100, **threads) == VALID
        none = [{"name": name, "nodes": 0}, {"name": "CPUExecutionProvider", "nodes": 100}]
        found = judged(engine, backend, choice, delegates=none, graph_nodes=100, **threads)
        told("invalid", found, f"{backend} ran 0 of 100 nodes (0 %)", "CPUExecutionProvider ran 100")

    def test_a_part_that_fell_back_is_never_hidden(self) -> None:
        delegates = [{"name": "TfLiteGpuDelegateV2", "nodes": 80, "partitions": 3}]
        found = judged(*self.GPU, delegates=delegates, graph_nodes=100)
        told("suspect", found, "gpu ran 80 of 100 nodes (80 %) in 3 parts")

    def test_less_than_the_asked_share_is_invalid(self) -> None:
        delegates = [{"name": "NnapiExecutionProvider", "nodes": 80}, {"name": "CPUExecutionProvider", "nodes": 20}]

        def share(asked: float) -> Verdict:
            return judged(*self.NNAPI, delegates=delegates, graph_nodes=100, conditions={"delegated_share": asked})

        told("invalid", share(1.0), "80 of 100 nodes (80 %)", "at least 100 % were asked for")
        told("invalid", share(0.81), "at least 81 %")
        assert share(0.8).status == "suspect"

    def test_one_node_of_very_many_is_not_rounded_away(self) -> None:
        delegates = [{"name": "NnapiExecutionProvider", "nodes": 999}, {"name": "CPUExecutionProvider", "nodes": 1}]
        told("suspect", judged(*self.NNAPI, delegates=delegates), "999 of 1000 nodes (more than 99 %)")
        assert percent(0.001) == "less than 1 %"

    def test_a_provider_that_computes_on_the_processor_too_hides_nothing_and_bends_nothing(self) -> None:
        delegates = [{"name": "XnnpackExecutionProvider", "nodes": 52}, {"name": "CPUExecutionProvider", "nodes": 13}]
        found = judged("onnxruntime", "xnnpack", "", delegates=delegates, graph_nodes=65, threads=2)
        told("valid", found, "xnnpack ran 52 of 65 nodes (80 %); CPUExecutionProvider ran 13")

    @pytest.mark.parametrize("choice", ["xnnpack", "xnnpack-fp16"])
    def test_xnnpack_by_tflite(self, choice: str) -> None:
        assert judged(choice=choice, delegates=[XNNPACK], graph_nodes=70) == VALID
        told("invalid", judged(choice=choice, delegates=[{**XNNPACK, "nodes": 0}]), "XNNPACK took 0 nodes")

    def test_reference_kernels_have_no_delegate(self) -> None:
        assert judged(choice="none", delegates=[], graph_nodes=70) == VALID
        told("invalid", judged(choice="none", delegates=[XNNPACK]), "TfLiteXNNPackDelegate ran 60 nodes, though")

    def test_the_processor_was_asked_for_and_something_else_computed(self) -> None:
        delegates = [{"name": "CPUExecutionProvider", "nodes": 9}, {"name": "CUDAExecutionProvider", "nodes": 1}]
        found = judged("onnxruntime", "cpu", "", delegates=delegates)
        told("invalid", found, "CUDAExecutionProvider ran 1 node, though onnxruntime cpu was asked for")

    def test_unknown_shares_are_missing_proof(self) -> None:
        told("suspect", judged(*self.GPU, delegates=[]), "proof is missing: how many nodes gpu ran")

    def test_threads_of_a_gpus_driver_are_not_judged(self) -> None:
        whole = [{"name": "TfLiteGpuDelegateV2", "nodes": 7}]
        assert judged(*self.GPU, delegates=whole, graph_nodes=7, threads=5) == VALID


class TestThreads:
    def test_threads_that_a_small_model_leaves_idle(self) -> None:
        told("suspect", judged(threads=1, threads_alive=2), "2 threads were there, but only 1 had work (CPU time)")

    def test_threads_that_were_never_there(self) -> None:
        told("invalid", judged(threads=1, threads_alive=1), "1 of 2 threads were at work")

    def test_more_at_work_than_asked_stays_wrong(self) -> None:
        told("invalid", judged(threads=3, threads_alive=3), "3 threads, not 2")

    def test_pools_of_tensorflow_lites_own_kernels_that_take_turns(self) -> None:
        def seen(choice: str, taken: int, *cpu_ms: float) -> Verdict:
            delegates = [{**XNNPACK, "nodes": taken}] if taken else []
            threads = {"threads": len(cpu_ms), "thread_cpu_ms": list(cpu_ms)}
            return judged(choice=choice, delegates=delegates, graph_nodes=70, **threads)

        told("valid", seen("none", 0, 12.0, 6.0, 3.0, 2.0), "4 threads, not 2", "two pools took turns")
        told("invalid", seen("none", 0, 12.0, 12.0, 12.0, 12.0), "4 threads, not 2, were at work (CPU time)")
        told("valid", seen("xnnpack", 60, 12.0, 6.0, 3.0), "3 threads, not 2", "two pools took turns")
        assert seen("xnnpack", 70, 12.0, 6.0, 3.0).status == "invalid"


class TestAffinity:
    def test_more_threads_than_cores_are_left(self) -> None:
        one = {"affinity_asked": "0x2", "affinity_kept": True, "affinity": [1]}
        told("suspect", judged(cores="0x2", **one), "2 threads were asked for on 1 core")

    def test_kept(self) -> None:
        kept = {"affinity_asked": "0x3", "affinity_kept": True}
        assert judged(cores="0x3", **kept, affinity=[0, 1]) == VALID
        assert judged(cores="big", **{**kept, "affinity_asked": "big"}, affinity=[6, 7]) == VALID

    def test_a_thread_that_left(self) -> None:
        found = judged(cores="big", affinity_asked="big", affinity_kept=False, affinity=[4, 5, 6, 7])
        told("invalid", found, "not every thread was kept on the cores `big`", "CPUs 4–7")

    def test_other_cores_than_the_mask_names(self) -> None:
        found = judged(cores="0xf0", affinity_asked="0xf0", affinity_kept=True, affinity=[0, 4, 5, 6, 7])
        told("invalid", found, "cores `0xf0` were asked for, but it might run on CPUs 0, 4–7")

    def test_other_cores_than_were_asked_for(self) -> None:
        told("invalid", judged(cores="big", affinity_asked="none"), "kept on the cores `none`, not on `big`")
        told("invalid", judged(affinity_asked="prime"), "kept on the cores `prime`, not on `none`")

    def test_unreadable(self) -> None:
        told("suspect", judged(cores="big"), "proof is missing: the cores")
        told("suspect", judged(cores="big", affinity=[1, 2]), "proof is missing: whether every thread", "CPUs 1–2)")

    def test_where_a_case_without_affinity_might_run_says_nothing_against_it(self) -> None:
        assert judged(affinity_asked="none", affinity_kept=True) == VALID

    def test_cores_in_words(self) -> None:
        assert [cores_in_words(one) for one in ([], [3], [0, 1], [0, 1, 2, 5, 7, 8])] == [
            "no CPU",
            "CPU 3",
            "CPUs 0–1",
            "CPUs 0–2, 5, 7–8",
        ]


class TestPriority:
    def test_as_asked(self) -> None:
        assert judged(conditions={"priority": 5}, priority=5) == VALID
        assert judged(priority=0) == VALID

    def test_another_one(self) -> None:
        told("invalid", judged(conditions={"priority": -5}, priority=0), "ran with priority 0, not -5")

    def test_one_that_was_inherited(self) -> None:
        told("valid", judged(priority=10), "ran with priority 10, which the process that started it has too")

    def test_unreadable(self) -> None:
        told("suspect", judged(conditions={"priority": 5}), "proof is missing: the priority")


COLD = {"caches": "cold", "caches_asked": "cold", "model_resident": 0.0, "library_resident": 0.0}
WARM = {"caches": "warm", "caches_asked": "warm", "model_resident": 1.0, "library_resident": 1.0}


class TestCaches:
    def test_as_asked(self) -> None:
        assert judged(**COLD) == VALID
        assert judged(**{**COLD, "model_resident": 0.05}) == VALID
        assert judged(**WARM) == VALID
        assert judged(model_resident=0.4, library_resident=1.0, caches_asked="as found") == VALID

    def test_a_cache_that_could_not_be_emptied(self) -> None:
        found = judged(**{**COLD, "model_resident": 0.4})
        told("invalid", found, "the page cache still held 40 % of the model, though cold was asked for")
        told("invalid", judged(**{**COLD, "library_resident": 1.0}), "100 % of the library")

    def test_a_cache_that_was_not_filled(self) -> None:
        told("invalid", judged(**{**WARM, "model_resident": 0.5}), "held only 50 % of the model")

    def test_another_state(self) -> None:
        told("invalid", judged(**{**COLD, "caches_asked": "as found"}), "was as found, though cold")

    def test_unreadable(self) -> None:
        told("suspect", judged(**{**COLD, "model_resident": None}), "how much of the model the page cache held")


def test_how_the_model_was_read() -> None:
    mapped = {"model_access": "mapped"}
    assert judged(conditions=mapped, model_access="mapped") == VALID
    told("invalid", judged(conditions=mapped, model_access="read"), "the model was read, though mapped was asked for")
    told("suspect", judged(conditions=mapped), "proof is missing: how the model was read")


class TestPasses:
    def test_what_was_watched(self) -> None:
        kernels = {"pass": "kernels", "kernels": [{"name": "CONV_2D", "times_ms": [1.0]}]}
        memory = {"pass": "memory", "memory": {"peak_rss_kb": 5, "readings": [READING]}}
        assert judged(pass_="kernels", reported=kernels) == VALID
        assert judged(pass_="memory", reported=memory) == VALID

    def test_a_pass_that_saw_nothing(self) -> None:
        told("invalid", judged(pass_="kernels", reported={"pass": "kernels"}), "profiler reported no kernel")
        told("invalid", judged(pass_="memory", reported={"pass": "memory"}), "no memory was read")
        empty = {"pass": "memory", "memory": {"peak_rss_kb": 5}}
        told("invalid", judged(pass_="memory", reported=empty), "no memory was read")

    def test_another_pass(self) -> None:
        told("invalid", judged(pass_="kernels"), "it was a timing pass, though kernels was asked for")

    def test_watching_is_not_timing(self) -> None:
        seen = {"memory": {"readings": [READING]}}
        told("invalid", judged(reported=seen), "kernels, memory or a trace were recorded")


class TestGroups:
    def test_a_group_mean_is_told_and_is_no_fault(self) -> None:
        found = judged(reported={"predictions_per_sample": 64, "prediction_ms": [0.01]}, clock_resolution_ms=0.005)
        told("valid", found, "each prediction time is the mean of 64 predictions")

    def test_a_group_that_is_still_too_short_for_the_clock(self) -> None:
        found = judged(reported={"predictions_per_sample": 4, "prediction_ms": [0.01, 0.01]}, clock_resolution_ms=0.02)
        assert found.status == "suspect"
        assert (
            found.sentences[0]
            == "the clock moves in steps of 0.02 ms, 50.0% of 4 predictions, which are timed together"
        )


@pytest.mark.parametrize(("choice", "status"), [("xnnpack-fp16", "valid"), ("xnnpack", "invalid")])
def test_arithmetic_of_ten_bits_is_held_to_what_ten_bits_can(choice: str, status: str) -> None:
    near = summarise("logits", ANSWER + np.float32(0.005))
    assert judged(choice=choice, reported={"output": [near]}).status == status
