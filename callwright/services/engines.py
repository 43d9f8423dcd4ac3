"""What engines report, and what is done when one falls silent.

A lease that runs out proves nothing: the database may have been away, or the engine be cut off from it while its
calls go on. So the engine itself is asked, at its SIP port and by its own name, before its work is taken from it.
"""

from callwright.base.errors import ProviderError
from callwright.sip.address import host_port
from callwright.sip.agent import ENGINE
from callwright.store import engines as store
from callwright.store.database import Database
from callwright.store.engines import EngineLease, SilentEngine
from callwright.store.scope import PLATFORM
from callwright.telephony import sip_options

HEARTBEAT_S = 2.0
SILENT_S = 10.0
"An engine's lease. Five beats: a busy database must not cost an engine its calls."

ASK_S_MAX = 3.0
"How long a silent engine has to answer OPTIONS: six times that the request is sent."

CHANNELS = 1000
"Of one server id."

SPARE = 1
"Server ids beyond the calls at once: a channel rests for the second in which its session began, and calls may be short."

SILENT_MAX = 50
"Silent engines looked at in one go."


async def register(db: Database, host: str, now: float, *, sip: str = "", channels: int = CHANNELS) -> EngineLease:
    """`sip`: host:port where it answers OPTIONS for its name (`name_of`). `channels`: calls at once."""
    server_ids = -(-channels // CHANNELS) + SPARE
    return await store.register(db, PLATFORM, host=host, sip=sip, now=now, server_ids=server_ids)


async def heartbeat(db: Database, engine_id: int, now: float, *, dials: bool = True) -> bool:
    """`dials`: it takes calls of the queue; one that drains leaves those of its telephones to others. False: the engine was given
    up for lost and must end."""
    return await store.heartbeat(db, PLATFORM, engine_id, now, dials=dials)


async def stop(db: Database, engine_id: int, now: float) -> None:
    await store.stop(db, PLATFORM, engine_id, now)


async def silent(db: Database, now: float) -> list[SilentEngine]:
    """Engines whose lease has run out."""
    return await store.silent(db, PLATFORM, since=now - SILENT_S, limit=SILENT_MAX)


def name_of(server_id: int) -> str:
    """What an engine is called in SIP: another one at the same address has another name."""
    return f"{ENGINE}{server_id}"


async def answers(engine: SilentEngine) -> bool:
    """Whether the engine itself still answers SIP, also with 503 because it drains."""
    if not engine.sip:
        return False
    try:
        status = await sip_options.ask(*host_port(engine.sip), name=name_of(engine.server_id), wait_s=ASK_S_MAX)
    except ProviderError:
        return False
    return status in (200, 503)


async def bury(db: Database, engine_id: int, now: float) -> bool:
    """Clean up after an engine that was lost; False where it is not silent any more."""
    return await store.bury(db, PLATFORM, engine_id, silent_since=now - SILENT_S, now=now)
