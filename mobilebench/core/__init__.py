"""Used by all packages: records and their schema, errors, paths, hashing, the vocabulary of operators."""
