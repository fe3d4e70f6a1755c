"""The outside world: one port, one package per channel, one file per provider.

`port.py` is what the engine speaks; each package's `__init__.py` holds the table of its providers.
"""
