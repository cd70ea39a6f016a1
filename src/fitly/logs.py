"""How the roles speak: structured lines on standard error, for people or for machines.

Knows structlog's set-up. Must never know what is being said.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from structlog.typing import Processor

    from fitly.settings import Settings

NOISY: Final = ("aiokafka", "faust", "mode", "sqlalchemy", "alembic", "asyncio", "kafka")
"""Libraries whose messages below a warning would drown ours."""


def set_up(settings: Settings, role: str, *, quiet: bool = False) -> None:
    """Send every message, ours and the libraries', to standard error in one form.

    Parameters
    ----------
    settings : Settings
        ``log_level`` and ``log_format`` are used.
    role : str
        Who is speaking (``worker``, ``sink``); stands in every line.
    quiet : bool
        Whether only what is critical is said: for commands, which tell their own errors.

    Notes
    -----
    Libraries log through ``logging``, we through structlog; both end in one handler whose formatter runs the
    same processors, so a line looks the same whoever wrote it.
    """
    shared: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(settings)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = logging.CRITICAL if quiet else logging.getLevelNamesMapping()[settings.log_level]
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, level))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(role=role)


def _last(settings: Settings) -> list[Processor]:
    """Give the processors that turn an event into a line."""
    if settings.log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=True)]
    # Not rich's tracebacks: they show local variables, and with them learners' rows and signatures.
    colours = sys.stderr.isatty()
    return [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)]
