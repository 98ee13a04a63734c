"""Looking after stores: copies, checks, and removing old runs."""
