"""Carries whole runs from one store to another: exports them to one file, and imports such a file or another store."""
