"""Racks: phones on many hosts, offered through one scheduler. `messages` is what clients may ask; `scheduler` and
`worker` are the two servers; `client` asks.
"""
