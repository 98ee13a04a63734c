"""Pretrained weights: where they come from, their download, and their files."""
