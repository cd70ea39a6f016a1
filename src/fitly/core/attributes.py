"""What is said of a learner that nobody measured: the groups they belong to, and attributes that others keep.

Knows what may be said, that of each name the newest word counts, and the two names that Fitly itself listens to. Must
never know what follows from an attribute: whom an experiment enrols is `experiments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, NamedTuple, TypeAlias

from annotated_types import MaxLen, MinLen

from fitly.core.names import EventKey
from fitly.core.numbers import Millis

TEST: Final = "test"
"""The attribute of a learner whom nobody is to count: ``"true"``."""
GIVEN: Final = "experiment:"
"""Begins the attribute that gives a learner's variant in an experiment: its name follows."""
LONGEST: Final = 200
MOST: Final = 64
"""Words that are kept of one learner; where there are more, the oldest go."""

AttributeName: TypeAlias = Annotated[str, MinLen(1), MaxLen(100)]
AttributeValue: TypeAlias = Annotated[str, MinLen(1), MaxLen(LONGEST)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributesTold:
    """Which groups a learner belongs to (by kind: class, school), and attributes; what is not named stays as it was.

    Of each name the newest word counts, by its time, whatever the order of arrival; null takes a word back. With
    ``valid_until`` all that is said here is believed until then, but for ``test``, which holds until it is taken back.
    The attribute ``experiment:NAME`` gives the learner's variant in an experiment that was randomized elsewhere.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    groups: Annotated[dict[AttributeName, AttributeValue | None], MaxLen(16)] = field(default_factory=dict)
    attributes: Annotated[dict[AttributeName, AttributeValue | None], MaxLen(32)] = field(default_factory=dict)
    valid_until: Millis | None = None

    def __post_init__(self) -> None:
        """Refuse one that says nothing."""
        if not self.groups and not self.attributes:
            message = "give at least one of groups, attributes"
            raise ValueError(message)


class Attribute(NamedTuple):
    """One word as a learner's row holds it.

    Attributes
    ----------
    group : bool
        Whether it names a group; then ``name`` is the group's kind.
    name : str
        What it is about.
    value : str or None
        What is said; None where it was taken back.
    since, until : Millis
        Since when it is known, and from when it is believed no longer.
    key : EventKey
        The event that told it: of two words of one moment, the greater key counts.
    """

    group: bool
    name: str
    value: str | None
    since: Millis
    until: Millis
    key: EventKey


Attributes: TypeAlias = tuple[Attribute, ...]
"""The newest word of each name, groups last, in the order of their names; lapsed or not."""

NO_ATTRIBUTES: Final[Attributes] = ()
_FOR_EVER: Final = Millis(2**63 - 1)


def told(attributes: Attributes, data: AttributesTold, time: Millis, key: EventKey) -> Attributes:
    """Put words in, unless newer ones are there: whatever the order of arrival, the result is one.

    >>> told((), AttributesTold(groups={"class": "7b"}), Millis(5), EventKey("k"))[0][:4]
    (True, 'class', '7b', 5)
    """
    held = {(each.group, each.name): each for each in attributes}
    for is_group, words in ((False, data.attributes), (True, data.groups)):
        for name, value in words.items():
            before = held.get((is_group, name))
            if before is None or (before.since, before.key) < (time, key):
                held[is_group, name] = Attribute(is_group, name, value, time, data.valid_until or _FOR_EVER, key)
    if len(held) > MOST:
        newest = sorted(held.values(), key=_age)[-MOST:]
        held = {(each.group, each.name): each for each in newest}
    return tuple([held[name] for name in sorted(held)])


def _age(attribute: Attribute) -> tuple[bool, Millis, bool, str]:
    return _is_test(attribute), attribute.since, attribute.group, attribute.name


def _is_test(attribute: Attribute) -> bool:
    return attribute.name == TEST and not attribute.group


def in_force(attributes: Attributes, now: Millis) -> Mapping[str, str]:
    """Give the attributes that are believed.

    >>> known = told((), AttributesTold(attributes={"year": "7"}, valid_until=Millis(9)), Millis(5), EventKey("k"))
    >>> in_force(known, Millis(8)), in_force(known, Millis(9))
    ({'year': '7'}, {})
    """
    believed = (each for each in attributes if not each.group and now < each.until)
    return {each.name: each.value for each in believed if each.value is not None}


def group_of(attributes: Attributes, kind: str, now: Millis) -> str | None:
    """Give the group of a kind that a learner belongs to; None for none."""
    for each in attributes:
        if each.group and each.name == kind and now < each.until:
            return each.value
    return None


def is_test(attributes: Attributes) -> bool:
    """Tell whether a learner is there to try things out: in no sum, whatever happens to them.

    >>> is_test(told((), AttributesTold(attributes={"test": "true"}), Millis(5), EventKey("k")))
    True
    """
    return any(_is_test(each) and each.value == "true" for each in attributes)


def kept_of_the_opted_out(attributes: Attributes) -> Attributes:
    """Give what is kept of a learner who has opted out of everything: only whether they are a test."""
    return tuple([each for each in attributes if _is_test(each)])
