"""The agents: loops over streams of batches.

Knows which stream goes to which task. Must never know more: everything else is the task's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import faust

    from fitly.stream.app import App


def add_learners(app: App, source: faust.TopicT) -> None:
    """Give the app its agent `learners`: hands every batch of the input log to the task of its partition."""

    async def learners(stream: Any) -> None:  # noqa: ANN401 - Faust's stream is not typed for noack
        """Fold learners' events: decide, learn, and write the rows and what came of them in one transaction."""
        async for event in stream.noack().events():
            app.host.hand(event)

    app.agent(source, name="learners", concurrency=1)(learners)
