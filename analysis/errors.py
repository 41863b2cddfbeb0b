"""Errors that speak to a person."""


class LianjianError(Exception):
    """What was seen, what was expected, where, and what to do: one message for a person.

    The command line prints it without a traceback and exits with 1.
    """
