"""Ids that clients know: 128 bits as 32 hex digits."""

import uuid

from callwright.base.errors import NotFound


def parse(text: str, noun: str) -> uuid.UUID:
    """Raises `NotFound`, for what is no id names nothing."""
    try:
        return uuid.UUID(hex=text)
    except ValueError:
        raise NotFound(noun) from None
