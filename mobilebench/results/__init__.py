"""Records (the schema), store and export."""
