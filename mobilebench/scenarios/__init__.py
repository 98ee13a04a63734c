"""What inference does to a page: pages and what a user does on them, injection into foreign pages, accuracy."""
