"""Recorders: what is recorded of a block besides its stages (kernels, memory, a trace, battery, temperatures, load).

All recorders have the same lifecycle (`recorders.base.Recorder`) and declare what they cost, store and show. This
package imports only `core`, so that every other package can use it.
"""
