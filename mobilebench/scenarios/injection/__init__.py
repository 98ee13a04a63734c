"""Inference inside a page that is not ours, at a stated share of the time, with proof from inside the page."""
