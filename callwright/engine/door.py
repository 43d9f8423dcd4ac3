"""Who may come in: every request that belongs to no call of ours is judged here, before anything answers it.

    REGISTER                       of a telephone that is known: challenged, then served (`registrar`)
    to our Contact at a trunk      served, from anywhere: nobody else knows its user; it reaches the numbers of its account
    INVITE of a known telephone    always challenged: where it comes from proves nothing (UDP)
    of a trunk that has a name     challenged: INVITE reaches the numbers of its account, OPTIONS is answered, REGISTER gets 403
    from a trunk's address         served; it reaches the numbers of its account
    from this machine              served, where SIP listens to this machine alone: it reaches every number
    OPTIONS that names this engine answered: other machines ask whether it lives (`services/engines.py`)
    from a registered telephone    answered: OPTIONS as keep-alive, 405 for what we do not serve
    anything else                  no answer at all

What cannot be read is told so to a trunk, to a registered telephone, and on this machine.

No answer, and not 403: an answer tells a scanner that there is something to guess at, costs a message for each of its own, and
goes to whoever it has named as its source. For the same reason unknown user names get none; who asks for many, or guesses
passwords, is not listened to for a while (`sip.sources`).
"""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from ipaddress import ip_address

from callwright.base.config import Config
from callwright.base.errors import PeerError, ProviderError
from callwright.engine.directory import Directory
from callwright.engine.inbound import Inbound
from callwright.engine.origin import LOCAL, Origin, by_trunks
from callwright.engine.registrar import Registrar
from callwright.services import phones
from callwright.services import trunks as trunk_service
from callwright.sip import registration
from callwright.sip.address import Address, Transport, is_ip, name_address, uri
from callwright.sip.agent import RETRY_AFTER_S, Agent, OnInvite
from callwright.sip.call import SipCall
from callwright.sip.challenge import Challenger, Digest
from callwright.sip.message import Request, reason_of
from callwright.sip.sources import Sources
from callwright.store.database import Database
from callwright.store.phones import KnownPhone
from callwright.store.trunks import KnownTrunk

log = logging.getLogger(__name__)

CALLS_OF_SOURCE_MAX = 100
"Calls at once of the telephones behind one address: an office. A stolen password does not fill the engine."

EXTENSIONS = ("path",)
"What a REGISTER may require of us (RFC 3327)."

THIS_MACHINE = ("127.0.0.1", "::1")
"Where our own processes ask from, when they ask whether SIP answers."

KEY_BYTES = 32
"Of what signs our nonces. It is this process's own, since no other knows which of them were used (`sip.challenge`)."


@dataclass(slots=True)
class Counts:
    """What came to the door, since the engine started."""

    strangers: int = 0
    "Requests that got no answer."

    limited: int = 0
    "Requests of sources that ask too much."

    challenged: int = 0
    wrong: int = 0
    "Answers to challenges that were wrong."

    calls: int = 0
    "INVITEs of telephones and trunks that proved who they are."


class Door:
    """`accepts`, `admits` and `tells` are the SIP endpoint's; none waits for anything."""

    def __init__(
        self,
        db: Database,
        config: Config,
        *,
        name: str,
        directory: Directory,
        inbound: Inbound,
        registrar: Registrar,
    ) -> None:
        self._db = db
        self._name = name
        self._directory = directory
        self._inbound = inbound
        self._registrar = registrar
        self._challenger = Challenger(secrets.token_bytes(KEY_BYTES))
        self._sources = Sources()
        self._counts = Counts()
        self._in_progress: Counter[str] = Counter()
        "Calls of those that proved who they are, by the address that they come from."

        self._host = config.sip_host
        self._is_local: dict[Transport, bool] = {
            "udp": is_loopback(config.sip_host),
            "tcp": is_loopback(config.sip_tcp[0] if config.sip_tcp else config.sip_host),
            "tls": is_loopback(config.sip_tls[0] if config.sip_tls else config.sip_host),
        }

    def snapshot(self) -> dict[str, int]:
        """Counters, by name."""
        return {
            **asdict(self._counts),
            "registered": self._registrar.registered,
            "silenced": self._sources.silenced,
        }

    def accepts(self, source: Address) -> bool:
        """Whether anything from there is read at all."""
        if not self._sources.is_silent(source[0], time.monotonic()):
            return True
        if self._directory.trunks_at(source[0]) or self._registrar.serves(source) or source[0] in self._in_progress:
            return True
        self._counts.limited += 1
        return False

    def admits(self, agent: Agent, request: Request, source: Address) -> OnInvite | None:
        """Who gets the call of a request; None where it is not served, or has been answered from here."""
        if request.method == "REGISTER":
            self._register(agent, request, source)
            return None
        local = self._is_local[agent.transport]
        # Every INVITE of a load comes by here: nothing is looked up that does not matter.
        trunks = () if local else self._directory.trunks_at(source[0])
        if self._directory.has_registrations and (registered := self._directory.trunk_of(_user(request.uri))):
            return partial(self._inbound.on_invite, origin=by_trunks((registered,), by_contact=True))
        if request.method == "INVITE" and self._directory.has_phones and (local or not trunks):
            phone = self._directory.phone(_user(request.headers.get("from")))
            if phone is not None:
                return self._by_phone(agent, request, source, phone)
        if self._directory.has_proving_trunks and (local or not trunks) and not request.to_tag:
            named = self._trunk_shown(request)
            if named is not None:
                return self._by_trunk(agent, request, source, named)
        if local:
            return partial(self._inbound.on_invite, origin=LOCAL)
        if trunks:
            return partial(self._inbound.on_invite, origin=by_trunks(trunks))
        if self._answers(request, source):
            return _nobody
        self._stranger(source)
        return None

    def tells(self, agent: Agent, source: Address) -> bool:
        """Whether whoever is there is told what is wrong with a request that cannot be read, or that there is no time for it. It
        may belong to a call that is there, so nobody is held to be a stranger for it."""
        trunks = self._directory.trunks_at(source[0])
        return self._is_local[agent.transport] or bool(trunks) or self._registrar.serves(source)

    def _answers(self, request: Request, source: Address) -> bool:
        """Whether a request that begins no call is answered all the same."""
        if request.method == "OPTIONS" and not request.to_tag:
            ours = source[0] in (self._host, *THIS_MACHINE)
            if ours or (_user(request.uri) == self._name and self._sources.take(source[0], time.monotonic())):
                return True
        return request.method != "INVITE" and self._registrar.serves(source)

    def _is_too_much(self, source: Address, now: float) -> bool:
        """Whether one more request of a stranger is not listened to."""
        if (
            source[0] in self._in_progress
            or self._registrar.serves(source)
            or (is_loopback(source[0]) and any(self._is_local.values()))
        ):
            return False
        return self._sources.is_silent(source[0], now) or not self._sources.take(source[0], now)

    def _stranger(self, source: Address) -> None:
        self._counts.strangers += 1
        self._sources.take(source[0], time.monotonic())

    # -- who proves who it is ----------------------------------------------------------------------

    def _by_phone(self, agent: Agent, request: Request, source: Address, phone: KnownPhone) -> OnInvite | None:
        if not self._phone_has_proved(agent, request, source, phone):
            return None
        origin = Origin(frozenset((phone.account_id,)), phone, registration.domains(request))
        return self._proved(agent, request, source, origin)

    def _trunk_shown(self, request: Request) -> KnownTrunk | None:
        """From names the caller where the trunk wants that; then its Contact is its own."""
        if request.method not in ("INVITE", "OPTIONS"):
            return None
        names = (_user(request.headers.get(name)) for name in ("from", "contact"))
        return next((trunk for name in names if name and (trunk := self._directory.trunk_named(name))), None)

    def _by_trunk(self, agent: Agent, request: Request, source: Address, trunk: KnownTrunk) -> OnInvite | None:
        if not self._trunk_has_proved(agent, request, source, trunk):
            return None
        if request.method == "OPTIONS":
            return _nobody
        return self._proved(agent, request, source, by_trunks((trunk,)))

    def _proved(self, agent: Agent, request: Request, source: Address, origin: Origin) -> OnInvite | None:
        if self._in_progress[source[0]] >= CALLS_OF_SOURCE_MAX:
            agent.refuse(request, source, 503, retry_after=str(RETRY_AFTER_S))
            return None
        self._counts.calls += 1
        return partial(self._taken, origin, source[0])

    def _taken(self, origin: Origin, host: str, call: SipCall) -> None:
        def over(_: object) -> None:
            self._in_progress[host] -= 1
            if not self._in_progress[host]:
                del self._in_progress[host]

        task = self._inbound.on_invite(call, origin=origin)
        if task is not None:
            self._in_progress[host] += 1
            task.add_done_callback(over)

    def _register(self, agent: Agent, request: Request, source: Address) -> None:
        user = _user(request.headers.get("to"))
        phone = self._directory.phone(user)
        if phone is None and not request.to_tag and (trunk := self._directory.trunk_named(user)) is not None:
            # It calls, and no more. A switch that asks all the same must not have its calls silenced for a guess.
            if self._trunk_has_proved(agent, request, source, trunk):
                agent.refuse(request, source, 403, reason="Trunks Do Not Register")
            return
        if phone is None or request.to_tag:
            self._sources.failed(source[0], time.monotonic())
            self._stranger(source)
            return
        if not self._phone_has_proved(agent, request, source, phone):
            return
        unknown = [name for name in request.headers.tokens("require") if name not in EXTENSIONS]
        if unknown:
            agent.refuse(request, source, 420, unsupported=", ".join(unknown))
            return
        try:
            asking = registration.read(request, source, reliable=agent.transport != "udp")
        except registration.TooBrief:
            agent.refuse(request, source, 423, min_expires=str(registration.EXPIRES_S_MIN))
        except PeerError as error:
            agent.refuse(request, source, 400, reason=reason_of(error))
        else:
            self._registrar.take(agent, request, source, phone, asking)

    def _phone_has_proved(self, agent: Agent, request: Request, source: Address, phone: KnownPhone) -> bool:
        secret = partial(phones.secret_of, self._db, phone)
        return self._has_proved(agent, request, source, phone.name, phone.digest, secret)

    def _trunk_has_proved(self, agent: Agent, request: Request, source: Address, trunk: KnownTrunk) -> bool:
        secret = partial(trunk_service.peer_secret_of, self._db, trunk)
        return self._has_proved(agent, request, source, trunk.peer_username, trunk.peer_digest, secret)

    def _has_proved(
        self, agent: Agent, request: Request, source: Address, name: str, digest: Digest, secret_of: Callable[[], str]
    ) -> bool:
        """Whether a request comes from whom this is the name of; if not, it is challenged, or nobody answers it."""
        now = time.monotonic()
        if self._is_too_much(source, now):
            self._counts.limited += 1
            return False
        try:
            secret = secret_of()
        except ProviderError as error:
            log.error("%s cannot come in: %s", name, error)
            return False
        verdict = self._challenger.judge(request, name, secret, digest, time.time())
        if verdict == "right":
            return True
        if verdict == "wrong":
            self._counts.wrong += 1
            self._sources.failed(source[0], now)
        self._counts.challenged += 1
        challenges = self._challenger.challenges(time.time(), secrets.token_hex(8), digest, stale=verdict == "stale")
        agent.refuse(request, source, 401, www_authenticate=challenges)
        return False


def _user(text: str) -> str:
    """The user of an address or a URI; empty where there is none."""
    try:
        return uri(name_address(text).uri).user
    except PeerError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether this is an address of this machine that no other can reach."""
    return host == "localhost" or (is_ip(host) and ip_address(host).is_loopback)


def _nobody(call: SipCall) -> None:
    """Takes the calls of those that may not call; `admits` gives it for requests that begin none."""
    call.reject(403)
