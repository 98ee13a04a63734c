"""Taking in a user's model: inspected, copied by content, asked once for the answer that it will be held against."""
