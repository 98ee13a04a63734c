"""Care for targets while they are measured."""
