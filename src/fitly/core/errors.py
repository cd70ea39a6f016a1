"""The tree of things that go wrong, by who has to act.

Knows three kinds of trouble: the sender's, the world's and ours. Must never know how each is reported.
"""

from __future__ import annotations


class FitlyError(Exception):
    """Root of every error this product raises on purpose."""


class Refused(FitlyError):  # noqa: N818 - it reads as the sentence "refused: ..."
    """The input is wrong: it goes to ``rejected-events`` and its neighbours are unaffected.

    Parameters
    ----------
    reason : str
        A code from a closed list, fit for counting (``SCHEMA``, ``TOO_LARGE`` ...).
    detail : str
        What is wrong, where, and what to do next.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Retryable(FitlyError):  # noqa: N818 - it reads as the sentence "retryable: ..."
    """The world is not ready (broker or database away): wait in place and try again."""


class Broken(FitlyError):  # noqa: N818 - it reads as the sentence "broken: ..."
    """Our own fault or a state that must not be built upon: log, stop, let the supervisor decide.

    Parameters
    ----------
    message : str
        What is wrong and what to do next.
    restart_helps : bool
        False where starting again meets the same state (a wrong generation, a gap in control numbers).
    """

    def __init__(self, message: str, *, restart_helps: bool = True) -> None:
        super().__init__(message)
        self.restart_helps = restart_helps
