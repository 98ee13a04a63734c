"""The sections of the report: each module says what one section shows. `report/contents.py` lists them in order."""
