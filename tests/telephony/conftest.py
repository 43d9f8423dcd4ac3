"""What tests of the media plane, and those of signalling against SIPp, start alike."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from rtp_peer import HOST, free_ports
from sides import Side

from callwright.telephony.plane import MediaPlane


@pytest.fixture
async def plane() -> AsyncIterator[MediaPlane]:
    """One of IPv4."""
    plane = MediaPlane(HOST, *free_ports(20), asyncio.get_running_loop())
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    plane = MediaPlane(HOST, 31_000, 31_400, asyncio.get_running_loop())
    plane.start()
    opened = await Side(plane).open()
    yield opened
    await opened.endpoint.close()
    plane.stop()
