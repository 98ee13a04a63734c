"""What every room uses: records and their schema, errors, paths, hashing, the vocabulary of operators."""
