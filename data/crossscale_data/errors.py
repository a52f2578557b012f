"""What can be wrong with the data, each as one sentence for the person who can mend it."""

from crossscale_results.errors import UserError


class DataError(UserError):
    """A database, record, annotation or prepared file that cannot be used as it is."""
