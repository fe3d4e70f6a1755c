"""The outside world: one port, one package per channel, one file per provider.

`port.py` is what the engine speaks; `email/__init__.py` and `sms/__init__.py` hold the tables of providers.
"""
