"""Which form the fold runs in is told as it is."""

from __future__ import annotations

from types import FunctionType

from fitly.core.form import is_compiled
from fitly.core.step import step


def test_a_compiled_fold_has_no_function_of_pythons() -> None:
    assert is_compiled() is not isinstance(step, FunctionType)
