"""HOW to measure: native runners and web pages, each to one block result."""
