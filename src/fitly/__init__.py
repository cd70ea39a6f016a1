"""Fitly: personalization of learning as one log, one fold and one transaction per batch.

This package knows its version and nothing else; the parts are imported by those who need them.
"""

__version__ = "0.1.0"
