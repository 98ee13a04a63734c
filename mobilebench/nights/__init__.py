"""Nights: suites that are measured every night by one configuration, compared with a baseline, and reported for people
and for machines."""
