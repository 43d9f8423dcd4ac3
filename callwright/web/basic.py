"""HTTP Basic credentials, as both surfaces take them."""

import base64
import binascii
from collections.abc import Mapping

USER_MAX = 320
SECRET_MAX = 1_000


def credentials(headers: Mapping[str, str]) -> tuple[str, str] | ValueError | None:
    """(user, secret); None where nothing was sent; a `ValueError` (returned, not raised) for what cannot be read.

    The header is Authorization. Plum's page spells it `Authentication`, so a client may have copied that.
    """
    sent = headers.get("authorization") or headers.get("authentication")
    if not sent:
        return None
    scheme, _, encoded = sent.strip().partition(" ")
    try:
        user, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ValueError("not base64")
    if scheme.lower() != "basic" or not colon or len(user) > USER_MAX or len(secret) > SECRET_MAX or "\0" in user:
        return ValueError("not Basic")
    return user, secret
