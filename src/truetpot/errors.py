"""The errors that a user is meant to read."""


class UserError(Exception):
    """One clear sentence: what is wrong and what to do about it. The CLI exits with code 2."""


class KernelError(Exception):
    """A kernel did something wrong: what, in one line. The CLI exits with code 1."""
