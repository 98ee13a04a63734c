"""The sections of the report, one per module. `report/compose.py` lists them in order."""
