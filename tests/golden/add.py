"""Write what new cases give into the corpus: ``python -m tests.golden.add``. What stands there is never rewritten."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.golden.cases import CORPUS

DIRECTORY = Path(__file__).parent


def corpus(name: str, version: int | None = None) -> dict[str, str]:
    """Read one file of the corpus, or of a former version of rows; empty where there is none yet."""
    path = (DIRECTORY if version is None else DIRECTORY / f"version-{version}") / f"{name}.json"
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found


def main() -> None:
    """Add the cases that are not there yet, at the end."""
    for name, cases in CORPUS.items():
        known = corpus(name)
        new = {case: give() for case, give in cases.items() if case not in known}
        if new:
            text = json.dumps(known | new, indent=1, ensure_ascii=False)
            (DIRECTORY / f"{name}.json").write_text(text + "\n")
        for case in new:
            sys.stdout.write(f"{name}: {case}\n")


if __name__ == "__main__":
    main()
