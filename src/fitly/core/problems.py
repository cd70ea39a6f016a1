"""Something amiss in what surrounds us, told so that a person can act.

Knows the sentence and the remedy. Must never know which room found it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it must be.

    Attributes
    ----------
    what : str
        What is wrong, and where.
    remedy : str
        What to do about it.
    """

    what: str
    remedy: str
