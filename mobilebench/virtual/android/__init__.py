"""The programs of a phone that ask its state: `getprop`, `dumpsys`, `settings`, `am` and their like.

They run in the phone's daemon; only the standard library is imported here.
"""
