"""Android commands that read or change the phone's state: `getprop`, `dumpsys`, `settings`, `am` and so on.

They run in the phone's daemon; only the standard library is imported here.
"""
