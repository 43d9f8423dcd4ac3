"""Callers: from an INVITE to a running call, or to a refusal that says why."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence

from callwright.base.errors import AuthorError, PeerError, ProviderError, RequestError
from callwright.conversation.applications import Applications, Loaded
from callwright.engine import metrics
from callwright.engine.calls import Admission, Calls, Party
from callwright.engine.origin import LOCAL, Origin
from callwright.engine.telephones import Telephones, knows_us_by
from callwright.services import deployments, trunks
from callwright.sip.address import name_address, uri
from callwright.sip.caller_id import ASSERTING, asserted
from callwright.store.database import FAILURES, Database
from callwright.store.deployments import Route
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import Ended, SipCall, SipEvent
from callwright.telephony.unanswered import UnansweredLeg

log = logging.getLogger(__name__)

ROUTE_KEPT_S = 2.0
"How long a route is believed: what a number leads to changes this late, and a busy number costs no query a call."

ROUTES_KEPT_MAX = 5_000


Which = tuple[tuple[str, ...], frozenset[int] | None, int | None]
"What was dialled, whose numbers it may reach, and the deployment that takes the rest."


class Inbound:
    """Takes the calls that the SIP endpoint tells of. `run` serves them until cancelled."""

    def __init__(
        self,
        db: Database,
        calls: Calls,
        applications: Applications,
        plane: MediaPlane,
        *,
        telephones: Telephones,
    ) -> None:
        self._db = db
        self._calls = calls
        self._applications = applications
        self._plane = plane
        self._telephones = telephones
        self._tasks: asyncio.TaskGroup | None = None
        self._routes: OrderedDict[Which, tuple[float, Route | None]] = OrderedDict()

    def serve_in(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    def on_invite(self, call: SipCall, *, origin: Origin = LOCAL) -> "asyncio.Task[None] | None":
        """The call's task, as long as it lasts; None where there is no room for it."""
        admission = self._calls.admit() if self._tasks else None
        if self._tasks is None or admission is None:
            call.reject(503, "Service Unavailable")
            return None
        gone = asyncio.Event()

        def before_answer(event: SipEvent) -> None:
            if isinstance(event, Ended):
                gone.set()

        call.on_event = before_answer
        return self._tasks.create_task(self._take(admission, call, gone, origin))

    async def _take(self, admission: Admission, call: SipCall, gone: asyncio.Event, origin: Origin) -> None:
        begun, headers = time.monotonic(), call.headers
        dialled = _dialled(call, headers, origin)
        ready = await self._set_up(call, gone, origin, dialled)
        if ready is None:
            self._calls.release(admission)
            metrics.REFUSED.inc()
            return
        leg, route, loaded = ready
        knows_us_by(leg, origin.domains)
        if leg.was_answered:
            metrics.ANSWER.observe(time.monotonic() - begun)
        caller, headers = _caller(call, headers, origin)
        party = Party(
            "inbound", caller, dialled[0], call.call_id, sip_headers=headers, is_phone=origin.phone is not None
        )
        await self._calls.serve(admission, leg, route, loaded, party, {})

    async def _set_up(
        self, call: SipCall, gone: asyncio.Event, origin: Origin, dialled: tuple[str, ...]
    ) -> tuple[SipLeg, Route, Loaded] | None:
        """All that a call needs to begin; None where it was refused, or the caller has gone."""
        try:
            found = await self._application(dialled, origin)
            direct = None
            if found is None and origin.phone is not None:
                direct = await self._telephones.dialled(origin.phone, dialled[0])
            if gone.is_set():
                return None
            if found is not None:
                codecs = trunks.codecs_of(origin.codecs(found[0].account_id)) if origin.trunks else ()
                return SipLeg.incoming(call, self._plane, call.agent.address[0], codecs=codecs), *found
            if direct is not None:
                return UnansweredLeg.ringing(call, self._plane, call.agent.address[0]), *direct
            call.reject(404, "Not Found")
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

    async def _application(self, dialled: tuple[str, ...], origin: Origin) -> tuple[Route, Loaded] | None:
        """A number of the account's goes before its telephones, and these before its trunks."""
        route = await self._route(dialled, origin)
        if route is None or route.version_id is None:
            return None
        return route, await self._applications.load(route.version_id)

    async def _route(self, dialled: tuple[str, ...], origin: Origin) -> Route | None:
        moment = time.monotonic()
        which = dialled, origin.accounts, origin.deployment
        kept = self._routes.get(which)
        if kept is not None and kept[0] > moment:
            return kept[1]
        route = await deployments.route_inbound(self._db, dialled, origin.accounts, origin.deployment)
        self._routes[which] = (moment + ROUTE_KEPT_S, route)
        self._routes.move_to_end(which)
        if len(self._routes) > ROUTES_KEPT_MAX:
            self._routes.popitem(last=False)
        return route


def _caller(
    call: SipCall, headers: Sequence[tuple[str, str]], origin: Origin
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Who calls, and the header fields that the application sees: what asserts somebody is there only where it is believed."""
    if origin.phone is not None:
        caller = origin.phone.caller
    else:
        caller = (asserted(headers) if origin.trusts_identity else "") or call.caller
    believed = tuple(field for field in headers if origin.trusts_identity or field[0] not in ASSERTING)
    return caller, believed


def _dialled(call: SipCall, headers: Sequence[tuple[str, str]], origin: Origin) -> tuple[str, ...]:
    """What was dialled: the user of the Request-URI, and of a trunk's call To as well, since what the caller dialled may stand
    there alone. At our Contact with a registrar it does."""
    if not origin.trunks:
        return (call.dialled,)
    try:
        found = uri(name_address(dict(headers).get("to", "")).uri)
    except PeerError:
        return (call.dialled,)
    context = found.parameters.get("phone-context", "")
    user = f"{found.user};phone-context={context}" if context and not found.host else found.user
    return tuple(dict.fromkeys((user,) if origin.by_contact else (call.dialled, user)))
