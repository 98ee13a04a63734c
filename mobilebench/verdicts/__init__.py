"""Versioned rules that say how far a measured block can be trusted. They run on stored evidence alone."""
