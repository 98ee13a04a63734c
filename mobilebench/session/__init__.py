"""Runs a plan: gate, block, verdict, store."""
