"""Sealing: what is private and has to be kept for a while lies encrypted in the database, and its key does not lie there.

AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits in front; what a seal is for is authenticated with it, so that a
sealed text cannot be passed off as a checkpoint.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from callwright.base.errors import ProviderError

KEY_BYTES = 32
NONCE_BYTES = 12


def new_key() -> str:
    """As files and settings hold it: URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


class Sealer:
    """Seals and unseals with the platform's key."""

    def __init__(self, key: str) -> None:
        """Raises `ProviderError` where this is no key."""
        try:
            raw = base64.urlsafe_b64decode(key)
        except ValueError:
            raw = b""
        if len(raw) != KEY_BYTES:
            raise ProviderError(
                f"the sealing key is not {KEY_BYTES} bytes in base64; put back the file that the first start made"
            )
        self._cipher = AESGCM(raw)
        self._raw = raw

    def seal(self, content: bytes, purpose: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, purpose.encode())

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Raises `ProviderError` where it was sealed with another key, or for something else."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError):
            raise ProviderError(
                "what was sealed cannot be read: every machine of a platform needs the same sealing key"
            ) from None
