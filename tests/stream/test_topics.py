"""Making topics: what a broker takes its time over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from fitly.core.errors import Retryable
from fitly.core.topics import TOPICS
from fitly.core.vocabulary import ClockMode
from fitly.settings import Settings
from fitly.stream import topics
from fitly.stream.clients import started_admin

GOOD = {"error_code": 0, "leader": 1}
WHOLE = {"error_code": 0, "topic": "new", "partitions": [GOOD, GOOD]}
ABSENT = {"error_code": 3, "topic": "new", "partitions": []}
LEADERLESS = {"error_code": 0, "topic": "new", "partitions": [GOOD, {"error_code": 5, "leader": -1}]}


class Answers:
    """An administration client whose broker comes to know a topic bit by bit."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self._answers = answers
        self.asked = 0

    async def describe_topics(self) -> list[dict[str, Any]]:
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


async def test_a_new_topic_is_waited_for_until_all_of_it_has_leaders() -> None:
    answers = Answers([], [ABSENT], [LEADERLESS], [WHOLE])
    await topics._until_visible(answers, ["new"], "there:9092")
    assert answers.asked == 4


async def test_a_topic_that_stays_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "VISIBLE_S", 0.2)
    with pytest.raises(
        Retryable, match=r"there:9092 has made new but shows no leader .* run `fitly topics create` again"
    ):
        await topics._until_visible(Answers([LEADERLESS]), ["new"], "there:9092")


@asynccontextmanager
async def blind(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[int]]:
    """A broker that shows none of its new topics at first; gives how often it was asked."""
    real, asked = AIOKafkaAdminClient.describe_topics, list[int]()

    async def late(self: AIOKafkaAdminClient, names: list[str] | None = None) -> list[Any]:
        asked.append(len(asked))
        found = await real(self, names)
        return found if len(asked) > 3 else [topic for topic in found if not topic["topic"].startswith(settings.prefix)]

    with monkeypatch.context() as patched:
        patched.setattr(AIOKafkaAdminClient, "describe_topics", late)
        yield asked


async def test_the_log_is_opened_when_its_topics_are_visible(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with blind(settings, monkeypatch) as asked:
        made = await topics.create(settings, ClockMode.AS_OF)
    assert len(asked) > 3
    assert made == [settings.topic(topic.name) for topic in TOPICS]
    assert await topics.check(settings) == []


async def test_topics_can_be_made_right_after_others_were_deleted(settings: Settings) -> None:
    for generation in range(2):
        ours = settings.model_copy(update={"prefix": f"{settings.prefix}{generation}-"})
        made = await topics.create(ours, ClockMode.AS_OF)
        assert await topics.check(ours) == []
        async with started_admin(ours) as admin:
            await admin.delete_topics(made)
