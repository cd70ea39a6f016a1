"""What a learner is said to be: kept, and what follows at once for whoever is there to try things out.

Knows rows and attributes. Must never know how an attribute was written, nor whom an experiment enrols.
"""

from __future__ import annotations

from fitly.core.attributes import GIVEN, AttributesTold, is_test, told
from fitly.core.deciding import decide
from fitly.core.decisions import Answer, Effect
from fitly.core.eligibility import is_allowed
from fitly.core.learner import ContextRow, LearnerRow
from fitly.core.rerendering import is_open_to_insights
from fitly.core.scene import Folded, Scene
from fitly.core.vocabulary import Bin, Context
from fitly.core.windows import settle


def described(scene: Scene, learner: LearnerRow, data: AttributesTold) -> Folded:
    """Keep the newest word of each name.

    What it changes is seen at the next decision. Only a test learner who is sent to a variant gets a decision at once;
    and whoever becomes one, or is none any more, leaves or enters every sum with all rows.

    Parameters
    ----------
    scene : Scene
        The event and the rows before it.
    learner : LearnerRow
        The learner's row, with the event remembered in its ring.
    data : AttributesTold
        What was said. Of a learner who has opted out it is counted and not kept.
    """
    if not is_open_to_insights(learner.preferences):
        return Folded(Bin.OPTED_OUT, learner=learner)
    learner = learner._replace(attributes=told(learner.attributes, data, scene.event.time, scene.event.key))
    left_out = is_test(learner.attributes)
    is_sent = left_out and any(name.startswith(GIVEN) for name in data.attributes)
    rows: list[ContextRow] = []
    effects: list[Effect] = []
    for context in Context:
        before = scene.rows.context(learner.user_id, context)
        if before is None:
            continue
        row = before if before.left_out == left_out else before._replace(left_out=left_out)
        if is_sent and context in scene.force.acting and is_allowed(learner.preferences, context):
            elsewhere = scene.elsewhere(context, rows)
            row = settle(row, scene.at.now)
            row, selected = decide(row, learner, scene.force, scene.at.now, scene.cause, elsewhere)
            effects.append(Answer(selected))
        if row is not before:
            rows.append(row)
    return Folded(Bin.APPLIED, learner=learner, contexts=tuple(rows), effects=tuple(effects))
