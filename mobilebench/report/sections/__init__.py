"""The sections of the report, one per module. `report/contents.py` lists them in order."""
