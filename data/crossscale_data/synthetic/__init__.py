"""A synthetic database in MIT-BIH's format, for where the real one cannot be had.

It has the real database's records, leads, beat counts and rhythms, and waves from a model of the
heart's electrical dipole, so that everything that runs on MIT-BIH runs on it. It is no patient's
ECG: results on it say nothing about patients, and every file and table names it as synthetic.
"""

from crossscale_data.synthetic.database import FULL_LENGTH_S, GENERATOR_VERSION, generate

__all__ = ["FULL_LENGTH_S", "GENERATOR_VERSION", "generate"]
