"""Signatures of control events and ticks: nobody without the key may move the clock or the rules.

Knows HMAC-SHA256 over birth id and value. Must never know where the key is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

SIGNATURE_HEADER: Final = "fitly-signature"


def sign(control_key: bytes, birth_id: str, value: bytes) -> bytes:
    """Give the signature of a record's value: 32 bytes.

    Parameters
    ----------
    control_key : bytes
        The secret (``FITLY_CONTROL_KEY``).
    birth_id : str
        Generation of the input topic, so that a record of another one does not pass.
    value : bytes
        The record's value as sent.

    Examples
    --------
    >>> len(sign(b"secret", "birth", b"{}"))
    32
    """
    return hmac.new(control_key, birth_id.encode() + value, hashlib.sha256).digest()


def is_signed(control_key: bytes, birth_id: str, value: bytes, signature: bytes | None) -> bool:
    """Tell whether a signature is right.

    >>> is_signed(b"secret", "birth", b"{}", None)
    False
    """
    return signature is not None and hmac.compare_digest(sign(control_key, birth_id, value), signature)
