"""Energy of a block: counters of the processor (RAPL), the fuel gauge of a phone, and external meters.

Raw readings with their times are stored; `window` computes energy from them when they are read.
"""
