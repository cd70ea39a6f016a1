"""Build the fold as extension modules into a folder that goes before the source: ``PYTHONPATH=build/compiled``.

Knows when what stands there is still right: it names what it was made from. Must never know a module: the wheel's
build hook does. Ends with 0 when the folder holds the compiled form, with 3 where there is no C compiler.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE_FROM = ".made-from"
NO_COMPILER = 3


def main(folder: Path) -> int:
    """Build, unless what is there was made from the same source by the same tools."""
    origin = _origin()
    note = folder / MADE_FROM
    if note.exists() and note.read_text() == origin:
        return 0
    lacking = _lacking()
    if lacking:
        print(f"the compiled form cannot be built: {lacking}", file=sys.stderr)
        return NO_COMPILER
    print(f"compiling the fold into {folder}: about a minute", file=sys.stderr)
    with tempfile.TemporaryDirectory() as made:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", made]
        asked = os.environ | {"HATCH_BUILD_HOOKS_ENABLE": "1"}
        done = subprocess.run(build, cwd=ROOT, env=asked, check=False, capture_output=True, text=True)
        if done.returncode:
            print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
            return 1
        (wheel,) = Path(made).glob("*.whl")
        shutil.rmtree(folder, ignore_errors=True)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    note.write_text(origin)
    return 0


def _origin() -> str:
    """Name everything that decides what comes out: source, build, Python and tools."""
    made_from = hashlib.sha256()
    build = (ROOT / "pyproject.toml", ROOT / "tools" / "compile_hook.py")
    for path in (*build, *sorted((ROOT / "src").rglob("*.py"))):
        made_from.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    tools = [f"{name} {version(name)}" for name in ("mypy", "setuptools", "hatchling")]
    return "\n".join((made_from.hexdigest(), sys.version, *tools))


def _lacking() -> str:
    """Say what a C extension needs and this machine has not; empty where nothing is missing."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        return f"no C compiler ({compiler}); install one (Debian, Ubuntu: apt-get install gcc libc6-dev)"
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if not headers.exists():
        return f"no {headers}; install Python's headers (Debian, Ubuntu: apt-get install python3-dev)"
    return ""


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
