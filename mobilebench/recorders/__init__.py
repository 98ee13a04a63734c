"""What is recorded during a block, beside its stages: kernels, memory, a trace; battery, temperatures, load.

Every recorder has one lifecycle (`recorders.base.Recorder`) and declares what it costs, stores and shows. This room
imports only `core`, so that every other room may ask it what a recorder needs and how it is shown.
"""
