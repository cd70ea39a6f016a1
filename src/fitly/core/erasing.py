"""Erasure: what goes, what is left, and who is heard again.

Knows rows and the marker that takes their place. Must never know where either is kept, nor how a record was written.
"""

from __future__ import annotations

from typing import Final

from fitly.core.decisions import DecisionGone, Effect, LetterGone, OutcomesGone
from fitly.core.dedupe import CAPACITY
from fitly.core.entries import SEEN
from fitly.core.events import LearnerEvent, PreferencesChanged
from fitly.core.learner import Act, Erased, LearnerRow, Preferences
from fitly.core.names import fingerprint
from fitly.core.numbers import Millis, day_of
from fitly.core.scene import Folded, Scene
from fitly.core.vocabulary import Bin, Context, Level

MOST_LETTERS: Final = 512
"""Dead letters that are kept of one learner; the oldest goes as one more comes, so that the row can list them all."""
OFFSET_WIDTH: Final = 8
MOST_ACTS: Final = 16
"""Acts of others that a row remembers: whoever reads rows must not lag behind by more."""


def consents(event: LearnerEvent, marker: Erased) -> bool:
    """Tell whether an event ends an erasure: consent, given after it. An old one sent again does not."""
    data = event.data
    return isinstance(data, PreferencesChanged) and data.consent is True and event.time >= marker.at


def returned(event: LearnerEvent, marker: Erased, level: Level, now: Millis) -> LearnerRow:
    """Begin an empty row for whoever has come back; the event that erased them stays known."""
    since = min(event.time, now)
    return LearnerRow(
        user_id=event.user_id,
        preferences=Preferences(level=level),
        created_at=now,
        updated_at=now,
        seen=marker.seen,
        consented_at=since,
    )


def erase(scene: Scene, by: str | None) -> Folded:
    """Let everything of a learner go: rows, what stands, what was filed, and dead letters.

    Returns
    -------
    Folded
        With the marker that takes the rows' place.
    """
    user, at = scene.event.user_id, scene.at
    effects: list[Effect] = []
    for context in Context:
        row = scene.rows.context(user, context)
        if row is not None and row.standing is not None:
            effects.append(DecisionGone(user, context))
    effects.append(OutcomesGone(user))
    effects.extend(LetterGone(user, at.partition, offset) for offset in listed(scene.learner.refused))
    # Consent of a clock that is ahead was heard before and is dated after: sent again, it must not end the erasure.
    ahead = [each for each in SEEN.all(scene.learner.seen) if each.day >= day_of(at.now)]
    seen = SEEN.join(ahead[1 - CAPACITY :]) + SEEN.pack(fingerprint(scene.event.key), day_of(scene.event.time))
    act = next(iter(acted(scene.event, by, at.now)), None)
    return Folded(Bin.APPLIED, effects=tuple(effects), erased=Erased(at.now, seen, act))


def acted(event: LearnerEvent, by: str | None, now: Millis) -> tuple[Act, ...]:
    """Give what the audit trail keeps of an event: nothing where the learner acted, also under their own name."""
    return () if by is None or by == event.user_id else (Act(now, event.key, event.kind, by),)


def listed(refused: bytes) -> list[int]:
    """Give the offsets of a learner's refused records.

    >>> listed((7).to_bytes(8, "big") + (9).to_bytes(8, "big"))
    [7, 9]
    """
    places = range(0, len(refused), OFFSET_WIDTH)
    return [int.from_bytes(refused[start : start + OFFSET_WIDTH], "big") for start in places]


def refused_once_more(learner: LearnerRow, partition: int, offset: int) -> tuple[LearnerRow, LetterGone | None]:
    """List one more refused record; where the list is full the oldest leaves it, and its dead letter with it."""
    refused, gone = learner.refused + offset.to_bytes(OFFSET_WIDTH, "big"), None
    if len(refused) > MOST_LETTERS * OFFSET_WIDTH:
        gone = LetterGone(learner.user_id, partition, int.from_bytes(refused[:OFFSET_WIDTH], "big"))
        refused = refused[OFFSET_WIDTH:]
    return learner._replace(refused=refused), gone
