"""Callers: from an INVITE to a running call, or to a refusal that says why."""

import asyncio
import logging
import time
from collections import OrderedDict

from callwright.base.errors import AuthorError, PeerError, ProviderError, RequestError
from callwright.conversation.applications import Applications, Loaded
from callwright.engine import metrics
from callwright.engine.calls import Admission, Calls, Party
from callwright.services import deployments
from callwright.store.database import FAILURES, Database
from callwright.store.deployments import Route
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import Ended, SipCall, SipEvent

log = logging.getLogger(__name__)

ROUTE_KEPT_S = 2.0
"How long a route is believed: what a number leads to changes this late, and a busy number costs no query a call."

ROUTES_KEPT_MAX = 5_000


class Inbound:
    """Takes the calls that the SIP endpoint tells of. `run` serves them until cancelled."""

    def __init__(self, db: Database, calls: Calls, applications: Applications, plane: MediaPlane, host: str) -> None:
        self._db = db
        self._calls = calls
        self._applications = applications
        self._plane = plane
        self._host = host
        self._tasks: asyncio.TaskGroup | None = None
        self._routes: OrderedDict[str, tuple[float, Route | None]] = OrderedDict()

    def serve_in(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    def on_invite(self, call: SipCall) -> None:
        admission = self._calls.admit() if self._tasks else None
        if self._tasks is None or admission is None:
            call.reject(503, "Service Unavailable")
            return
        gone = asyncio.Event()

        def before_answer(event: SipEvent) -> None:
            if isinstance(event, Ended):
                gone.set()

        call.on_event = before_answer
        self._tasks.create_task(self._take(admission, call, gone))

    async def _take(self, admission: Admission, call: SipCall, gone: asyncio.Event) -> None:
        begun, headers = time.monotonic(), call.headers
        ready = await self._set_up(call, gone)
        if ready is None:
            self._calls.release(admission)
            metrics.REFUSED.inc()
            return
        metrics.ANSWER.observe(time.monotonic() - begun)
        leg, route, loaded = ready
        party = Party("inbound", call.caller, call.dialled, call.call_id, sip_headers=headers)
        await self._calls.serve(admission, leg, route, loaded, party, {})

    async def _set_up(self, call: SipCall, gone: asyncio.Event) -> tuple[SipLeg, Route, Loaded] | None:
        """All that a call needs to begin; None where it was refused, or the caller has gone."""
        try:
            route = await self._route(call.dialled)
            loaded = await self._applications.load(route.version_id) if route and route.version_id else None
            if gone.is_set():
                return None
            if route is None or loaded is None:
                call.reject(404, "Not Found")
                return None
            return SipLeg.incoming(call, self._plane, self._host), route, loaded
        except PeerError as error:
            log.info("call %s refused: %s", call.call_id, error)
            call.reject(488, "Not Acceptable Here")
        except (ProviderError, RequestError, AuthorError, *FAILURES) as error:
            log.warning("call %s cannot be served: %s", call.call_id, error)
            call.reject(503, "Service Unavailable")
        except Exception:  # the containment point of one call
            log.exception("call %s", call.call_id)
            call.reject(500, "Server Internal Error")
        return None

    async def _route(self, dialled: str) -> Route | None:
        moment = time.monotonic()
        kept = self._routes.get(dialled)
        if kept is not None and kept[0] > moment:
            return kept[1]
        route = await deployments.route_inbound(self._db, dialled)
        self._routes[dialled] = (moment + ROUTE_KEPT_S, route)
        self._routes.move_to_end(dialled)
        if len(self._routes) > ROUTES_KEPT_MAX:
            self._routes.popitem(last=False)
        return route
