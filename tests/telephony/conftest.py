"""What tests of the media plane start alike."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from rtp_peer import HOST, free_ports

from callwright.telephony.plane import MediaPlane


@pytest.fixture
async def plane() -> AsyncIterator[MediaPlane]:
    """One of IPv4."""
    plane = MediaPlane(HOST, *free_ports(20), asyncio.get_running_loop())
    plane.start()
    yield plane
    plane.stop()
