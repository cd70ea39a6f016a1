"""The compiled form of the fold is the same product: every byte, and every behaviour of the pure half."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = [pytest.mark.compiled, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
FOLDER = ROOT / "build" / "compiled"
NO_COMPILER = 3
PURE_HALF = ("tests/core", "tests/wire", "tests/properties")


@pytest.fixture(scope="module")
def compiled() -> Path:
    """The folder with the compiled form, built where it is not up to date."""
    done = run("tools/build_compiled.py", str(FOLDER), form=SOURCE)
    if done.returncode == NO_COMPILER:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return FOLDER


def run(*arguments: str, form: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with one of the two forms before everything else that is installed."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(form)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_every_module_that_is_named_runs_compiled(compiled: Path) -> None:
    hook = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]
    named = [name.removesuffix(".py").replace("/", ".") for name in hook["custom"]["modules"]]
    command = "import importlib, sys; [print(importlib.import_module(name).__file__) for name in sys.argv[1:]]"
    files = run("-c", command, *named, form=compiled).stdout.split()
    assert len(files) == len(named) > 0
    assert [file for file in files if not file.startswith(f"{compiled}/") or not file.endswith(".so")] == []


@pytest.mark.parametrize(("place", "answer"), [(FOLDER, "compiled: yes"), (SOURCE, "compiled: no")])
def test_the_program_says_in_which_form_it_runs(compiled: Path, place: Path, answer: str) -> None:
    assert compiled == FOLDER
    assert answer in run("-m", "fitly", "--version", form=place).stdout


@pytest.mark.parametrize("seed", [3, 58, 1_234])
def test_both_forms_fold_a_history_to_the_same_bytes(compiled: Path, seed: int) -> None:
    one, other = (run("-m", "tests.properties.digest", str(seed), "3000", form=form) for form in (SOURCE, compiled))
    assert (one.returncode, other.returncode) == (0, 0), one.stderr + other.stderr
    assert one.stdout == other.stdout != ""


def test_the_pure_half_holds_compiled(compiled: Path) -> None:
    but = "--ignore=tests/properties/test_gate.py"  # whole worlds: the source lives them
    done = run("-m", "pytest", *PURE_HALF, but, "-q", "-p", "no:cacheprovider", form=compiled)
    assert done.returncode == 0, done.stdout[-5_000:]
