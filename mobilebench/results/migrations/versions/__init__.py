"""One module for each schema version of the store, named after its number."""
