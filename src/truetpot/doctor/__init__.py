"""What this machine is, and whether a time measured on it can be trusted.

``machine`` looks (files of the kernel and of the system, no device is opened), ``quick`` measures
for some seconds, ``findings`` judges both.
"""
