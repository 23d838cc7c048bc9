"""What is known before anything is measured: models, cards, formats, published figures.

Every number lives in a TOML file of this package with its source beside it; the modules only do the
arithmetic on them. Nothing here imports torch or numba, and NumPy only inside `rope`.
"""
