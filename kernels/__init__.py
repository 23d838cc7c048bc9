"""The implementations, installed as truetpot.kernels: a folder an operator, a file a provider.

What several of them share is in ``_lib``, a folder a technology; a provider's file imports from
there, never from another provider's or another operator's.
"""
