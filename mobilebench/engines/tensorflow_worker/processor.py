"""Which instruction sets that inference uses this processor has, under the native runner's names."""

from __future__ import annotations

from pathlib import Path

_OF_X86 = (
    "sse4_1", "sse4_2", "avx", "fma", "f16c", "avx2", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni",
    "avx512_fp16", "amx_bf16", "amx_tile", "amx_int8", "avx_vnni", "avx512_bf16",
)  # fmt: skip
_OF_ARM = ("asimd", "fphp", "asimdhp", "asimddp", "sve", "sve2", "i8mm", "bf16", "sme")


def features(cpuinfo: Path = Path("/proc/cpuinfo")) -> list[str]:
    """Of those that matter, the ones that the kernel lists for the first processor."""
    for line in cpuinfo.read_text(errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            present = set(value.split())
            return [name for name in (*_OF_X86, *_OF_ARM) if name in present]
    return []
