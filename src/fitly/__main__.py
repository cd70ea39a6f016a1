"""``python -m fitly``: the same program as the ``fitly`` command."""

from __future__ import annotations

from fitly.cli import main

if __name__ == "__main__":
    main()
