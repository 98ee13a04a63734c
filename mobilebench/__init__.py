"""Inference latency on phones and PCs, native and in the browser, with proof of what ran."""

__version__ = "0.1.0"
