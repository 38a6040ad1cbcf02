"""Who we are to push services: a key pair of the installation's (VAPID, RFC 8292).

It is made from the installation's secret key, so that all processes have the same one and it lives as long as what is
sealed with that key. Browsers subscribe for it: with another secret key they have to subscribe again.
"""

import base64
import time
from typing import Any, cast
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02  # pyright: ignore[reportMissingTypeStubs]

from backend.sealing import key_for

_PURPOSE = "vapid"
_GOOD_FOR_S = 12 * 3600
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256 (FIPS 186-4, D.1.2.3): a private key is below it, and not 0."""


def public_key() -> str:
    """What a browser subscribes for (`applicationServerKey`), as base64 for URLs."""
    point = _private_key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def authorization(endpoint: str, *, contact: str) -> str:
    """The header that tells a push service that it is us who send; for the next hours.

    Args:
        contact: a `mailto:` or `https:` address where its operators reach ours.
    """
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(time.time()) + _GOOD_FOR_S, "sub": contact}
    signed = cast(Any, Vapid02)(private_key=_private_key()).sign(claims)
    return str(signed["Authorization"])


def _private_key() -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(key_for(_PURPOSE)) % (_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())
