"""The documentation is made from the code and says everything that can be said, typed or measured."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from fitly.cli import docs, main
from fitly.core.rulebook import RULES
from fitly.core.topics import TOPICS
from fitly.core.vocabulary import Feature
from fitly.metrics import METRICS
from fitly.settings import PREFIX, Settings
from fitly.store.schema import METADATA
from fitly.wire.refusing import REASONS

DOCS = Path(__file__).resolve().parent.parent / "docs"


def verbs(group: click.Group, path: str = "fitly") -> list[str]:
    """Name every command by the words it is called with."""
    found = []
    for name, command in group.commands.items():
        found += verbs(command, f"{path} {name}") if isinstance(command, click.Group) else [f"{path} {name}"]
    return found


@pytest.mark.parametrize("page", docs.PAGES)
def test_a_page_says_what_the_code_says(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == docs.PAGES[page](), "run `make schemas` and commit the result"


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("commands.md", [f"## `{verb}" for verb in verbs(main)]),
        ("settings.md", [f"`{PREFIX}{name.upper()}`" for name in Settings.model_fields]),
        ("metrics.md", [f"`{metric.name}`" for metric in METRICS]),
        ("topics.md", [f"## `{topic.name}`" for topic in TOPICS] + list(REASONS)),
        ("tables.md", [f"## `{table}`" for table in METADATA.tables]),
        ("parameters.md", [f"### `{feature.value}`" for feature in Feature] + [rule.why for rule in RULES]),
    ],
)
def test_nothing_is_left_out_of_a_page(page: str, names: list[str]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert [name for name in names if name not in text] == []


def test_every_setting_verb_option_topic_and_column_says_what_it_is_for() -> None:
    silent = [name for name, one in Settings.model_fields.items() if not one.description]
    silent += [topic.name for topic in TOPICS if not topic.help]
    silent += [metric.name for metric in METRICS if not metric.help]
    silent += [str(column) for table in METADATA.tables.values() for column in table.columns if not column.comment]
    silent += options_without_help(main)
    assert silent == []


def options_without_help(group: click.Group) -> list[str]:
    """Name the options and commands that do not say what they do."""
    silent = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            silent += options_without_help(command)
        silent += [] if command.help and command.get_short_help_str() else [name]
        silent += [f"{name} {one.name}" for one in command.params if isinstance(one, click.Option) and not one.help]
    return silent


def test_the_first_screen_of_the_readme_names_the_two_commands() -> None:
    screen = (DOCS.parent / "README.md").read_text(encoding="utf-8").splitlines()[:40]
    assert [word for word in ("make run", "make test") if not any(word in line for line in screen)] == []
