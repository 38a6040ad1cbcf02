"""The chain of the audit log: each row's hash covers the row and the hash of the one before.

Keyed (HMAC-SHA256, RFC 2104): who can write the database but does not know the installation's key can't make
a chain that holds. What is personal enters by its digest, so that it can be erased and the chain still checked.
"""

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def digest(key: bytes, facts: Mapping[str, Any]) -> str:
    """A keyed digest of some of a row's facts, 64 hex digits. Facts are what JSON can say."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, text.encode(), sha256).hexdigest()


def link(key: bytes, before: str, facts: Mapping[str, Any]) -> str:
    """The hash of a row: of the hash before it ("" at the very beginning) and of its facts."""
    return digest(key, {"before": before, **facts})
