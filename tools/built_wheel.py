"""Build the wheel and say whether everything in ``src/fitly`` is in it, and nothing else.

Knows what users install. Must never know single modules: whatever git tracks under ``src/fitly`` is expected.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Compare the wheel's files with the tracked ones; 1 when one is missing or too many."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    tracked = {path.relative_to(ROOT / "src").as_posix() for path in _tracked() if path.exists()}
    for title, names in (
        ("missing from the wheel", tracked - inside),
        ("not tracked, but in the wheel", inside - tracked),
    ):
        if names:
            print(f"{title}: {', '.join(sorted(names))}", file=sys.stderr)
    return int(inside != tracked)


def _tracked() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "src/fitly"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in output.split("\0") if name]


if __name__ == "__main__":
    raise SystemExit(main())
