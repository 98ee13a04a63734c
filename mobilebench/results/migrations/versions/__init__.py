"""One module a schema version, numbered upwards: the number is the store's schema version."""
