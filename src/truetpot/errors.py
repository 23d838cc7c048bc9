"""Errors whose sentence a user is meant to read."""


class UserError(Exception):
    """One clear sentence: what is wrong and what to do about it. The CLI exits with code 2."""


class OutputError(UserError):
    """A file of ours cannot be written: nothing that goes on measuring would be kept."""


class KernelError(Exception):
    """A kernel did something wrong: what, in one line. The CLI exits with code 1."""


class ReportedError(Exception):
    """A fault of truetpot's own; the sentence says where its traceback is. Exit code 70."""
