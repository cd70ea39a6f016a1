"""An experiment as JSON holds it, made the core's again.

Knows the shape. Must never know where the JSON stood.
"""

from __future__ import annotations

import msgspec

from fitly.core.experiments.trial import Trial
from fitly.core.plain import Json


def trial_of(document: Json) -> Trial:
    """Read an experiment; the inverse of `fitly.core.plain.as_json` on its fields.

    Raises
    ------
    msgspec.ValidationError
        It is none.
    """
    return msgspec.convert(document, Trial)
