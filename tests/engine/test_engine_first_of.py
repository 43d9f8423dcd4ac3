"""Several devices of one telephone ring at once."""

import asyncio

import pytest

from callwright.base.errors import PeerError, ProviderError
from callwright.engine.telephones import first_of
from callwright.ports.leg import NotReached

pytestmark = pytest.mark.pure


@pytest.mark.parametrize("error", [PeerError("a URI that cannot be read"), ProviderError("no free RTP port")])
async def test_one_that_cannot_be_called_does_not_end_the_others_ringing(error: Exception) -> None:
    rang = asyncio.Event()

    async def fails() -> NotReached:
        raise error

    async def rings() -> NotReached:
        await asyncio.sleep(0)
        rang.set()
        return NotReached("busy", "486 Busy Here", 486)

    assert await first_of([fails, rings]) == NotReached("busy", "486 Busy Here", 486)
    assert rang.is_set()
    assert await first_of([fails, fails]) == await first_of([fails]) == NotReached("error", str(error))
