"""The one error a user is meant to read."""


class UserError(Exception):
    """One clear sentence: what is wrong and what to do about it. The CLI exits with code 2."""
