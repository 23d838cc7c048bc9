"""How long one decoded token really takes."""

__version__ = "0.1.0"
