"""Become another program that cannot outlive the one that started it, and that runs as another user when asked.

Knows Linux's parent-death signal, users and capabilities; elsewhere it only changes into the program. Must never import
anything of Fitly: it is run as a file, with no site packages, so that it costs a hundredth of a second.

Usage: python -I -S launch.py PARENT DEATH_SIGNAL UID GID CAPABILITIES PROGRAM ARGUMENT...

UID and GID are -1 for no change; CAPABILITIES is a comma-separated list of numbers, or `-`: what the program keeps of
root's rights after the change of user. The order matters: a change of user clears the parent-death signal, so that
comes last.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_EXIT_ORPHAN = 128 + 9
_EXIT_CANNOT_RUN = 127


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def change_user(uid: int, gid: int, capabilities: list[int]) -> None:
    """Give up root for `uid` and `gid`, keeping the named capabilities for the program and its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    if capabilities:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if not capabilities:
        return
    mask = sum(1 << capability for capability in capabilities)  # all below 32: the second half stays empty
    halves = (_Data * 2)(_Data(mask, mask, mask), _Data(0, 0, 0))
    if libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), halves) != 0:
        raise OSError(ctypes.get_errno(), "root's rights here do not include reading past folder permissions")
    for capability in capabilities:
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def die_with_parent(parent: int, death_signal: int) -> None:
    """Have the kernel send `death_signal` when `parent` ends; end now if it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(_EXIT_ORPHAN)


def main(argv: list[str]) -> None:
    """Change user, bind to the parent, become the program."""
    parent, death_signal, uid, gid = (int(text) for text in argv[:4])
    capabilities = [] if argv[4] == "-" else [int(text) for text in argv[4].split(",")]
    if uid >= 0:
        change_user(uid, gid, capabilities)
    die_with_parent(parent, death_signal)
    try:
        os.execvp(argv[5], argv[5:])  # noqa: S606 - becoming the caller's program is what this file is for
    except OSError as error:
        sys.stderr.write(f"cannot run {argv[5]}: {error.strerror}\n")
        sys.exit(_EXIT_CANNOT_RUN)


if __name__ == "__main__":
    main(sys.argv[1:])
