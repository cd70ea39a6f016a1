"""Build the wheel and try it: nothing is missing, and every role imports with the libraries of the container only.

Knows what users install. Must never know single modules: whatever git tracks under ``src/fitly`` is expected.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRIAL = Path(__file__).with_name("import_as_installed.py")


def main() -> int:
    """Return 0 when the wheel is complete and imports, else 1."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        unpacked = Path(folder, "site")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        inside = {path.relative_to(unpacked).as_posix() for path in (unpacked / "fitly").rglob("*") if path.is_file()}
        complete = _complete(inside)
        trial = [sys.executable, "-I", str(TRIAL), str(unpacked), str(ROOT / "requirements-runtime.lock")]
        return int(not complete or subprocess.run(trial, cwd=folder, check=False).returncode != 0)


def _complete(inside: set[str]) -> bool:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "src/fitly"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    expected = {name.removeprefix("src/") for name in output.split("\0") if name and (ROOT / name).exists()}
    findings = (("missing from the wheel", expected - inside), ("in the wheel by accident", inside - expected))
    for title, names in findings:
        if names:
            print(f"{title}: {', '.join(sorted(names))}", file=sys.stderr)
    return inside == expected


if __name__ == "__main__":
    raise SystemExit(main())
