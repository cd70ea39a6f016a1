"""The verdicts that looks at an experiment came to: what is kept of them until somebody has said it.

Knows when a verdict is another than the one before. Must never know who says it, nor when.

Whoever says verdicts may be away for some looks. A winner that one of these named at an always-valid p is found, though
the next look may not find it: so it is kept beside the last look, in the order in which it would have been said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

MOST_KEPT: Final = 32
"""Changes of verdict that are kept, the newest: conditions are met one after the other, and a dozen is many."""


class Stated(NamedTuple):
    """A verdict that is another than the one before.

    Attributes
    ----------
    look : int
        Number of the look that came to it first.
    winner : str or None
        ``variant_id``.
    unmet : tuple of str
        Names of the conditions that stood against a winner.
    """

    look: int
    winner: str | None
    unmet: tuple[str, ...]


def stated(before: Sequence[Stated], verdict: Stated) -> tuple[Stated, ...]:
    """Give what is kept after a look.

    Parameters
    ----------
    before : sequence of Stated
        What was kept, in the order of the looks.
    verdict : Stated
        What this look came to.

    Examples
    --------
    >>> first = stated((), Stated(1, None, ("duration",)))
    >>> stated(first, Stated(2, None, ("duration",))) == first
    True
    >>> [each.look for each in stated(first, Stated(3, "b", ()))]
    [1, 3]
    """
    if before and before[-1][1:] == verdict[1:]:
        return tuple(before)
    return (*before, verdict)[-MOST_KEPT:]
