"""Errors that are told to the user as one sentence: what is wrong, where, and what to do."""


class UserError(Exception):
    """A mistake or a lack on the user's side; its text is one clear sentence."""


class ResultsError(UserError):
    """A results row, file or table that breaks the row contract."""
