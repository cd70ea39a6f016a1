"""Compile the fold while a wheel is built: a build hook, asleep unless ``HATCH_BUILD_HOOKS_ENABLE=1``.

Knows mypyc and a C compiler. Must never know which modules there are: ``pyproject.toml`` names them. Nothing is
written beside the source; the wheel carries the extension modules next to the Python they were made from.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FLAGS: Final = [
    # Floats come out as the interpreter's, bit by bit, on every processor: no fused multiply-add, no rewritten power.
    "-ffp-contract=off",
    "-fno-builtin-pow",
    # mypyc makes every warning an error, and each compiler has warnings of its own.
    "-Wno-error",
]
OWN_TYPES_ONLY: Final = [
    # The C depends on this source alone: not on settings, nor on which libraries are installed. What then is unknown
    # of msgspec looks wrong to one check; `make types` has looked at everything with everything installed.
    "--config-file=",
    "--no-site-packages",
    "--ignore-missing-imports",
    "--disable-error-code=type-var",
]


class CompileHook(BuildHookInterface[Any]):
    """Adds compiled modules to the wheel, which then is one for this Python and this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell the builder what to pack; an editable install stays the source itself."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory(prefix="fitly-compiled-")
        compiled = compile_modules(Path(self.root, "src"), self.config["modules"], Path(self._folder.name))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"] |= {str(path): place for path, place in compiled.items()}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002  the hook's
        """Take away what was made on the way."""
        if version != "editable":
            self._folder.cleanup()


def compile_modules(source: Path, modules: list[str], folder: Path) -> dict[Path, str]:
    """Compile modules into extension modules.

    Parameters
    ----------
    source : Path
        The folder that packages are imported from.
    modules : list of str
        Files under it; compiled together, they call each other without the interpreter.
    folder : Path
        Takes the C and what is made of it.

    Returns
    -------
    dict
        An extension module per file, and the one library they share: where it is -> its place among packages.
    """
    from mypyc.build import mypycify  # noqa: PLC0415 - only a build that compiles has these
    from setuptools import Distribution  # noqa: PLC0415
    from setuptools.command.build_ext import build_ext  # noqa: PLC0415

    options = [*OWN_TYPES_ONLY, f"--cache-dir={folder / 'cache'}"]
    with contextlib.chdir(source):
        extensions = mypycify([*options, *modules], debug_level="0", group_name="fitly", target_dir=str(folder / "c"))
        for extension in extensions:
            extension.extra_compile_args += FLAGS
        command = build_ext(Distribution({"name": "fitly", "ext_modules": extensions}))
        command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "objects")
        command.ensure_finalized()
        command.run()
    library = folder / "lib"
    return {path: path.relative_to(library).as_posix() for path in sorted(library.rglob("*")) if path.is_file()}
