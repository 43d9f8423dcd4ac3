"""Digest as the side that asks (RFC 3261 §22, RFC 7616, RFC 8760): challenges that are made and checked without keeping them.

A nonce says when it was made and is signed, so that nothing is kept of those who only ask. Kept is, of nonces that a right
answer came with, the highest count: the same answer again is no answer (RFC 7616 §3.4). Whoever counts has to be who signs: an
answer that another engine took, or this one before it was started anew, is signed with another key here. What is too old, was
counted before or is signed by somebody else gets a new challenge that says `stale`, provided that the password was right; so a
peer asks again by itself, and who guesses is told nothing.
"""

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from callwright.base.errors import PeerError
from callwright.sip.address import uri
from callwright.sip.digest import FIELD_MAX, HASHES, fields_of
from callwright.sip.message import Request

REALM = "callwright"

NONCE_S = 300.0
"How long an answer to a nonce is believed. A telephone registers anew about as often, and is challenged for it once."

COUNTED_MAX = 10_000
"Nonces of which the count is kept. One that had to go takes with it all that are as old."

Digest = Literal["md5", "sha-256", "both"]
"What a peer may answer with. Some cannot answer at all where they are offered what they do not know (baresip before 2.0)."

_OFFERED: dict[Digest, tuple[str, ...]] = {"md5": ("MD5",), "sha-256": ("SHA-256",), "both": ("SHA-256", "MD5")}
"The one that we like best first (RFC 8760 §2.4)."

Verdict = Literal["right", "wrong", "stale", "none"]


@dataclass(frozen=True, slots=True)
class Proof:
    """An answer to a challenge of ours, as `Authorization` has it."""

    user: str
    nonce: str
    uri: str
    response: str
    algorithm: str
    "In lower case."

    client_nonce: str
    count: int
    count_text: str


class Challenger:
    """Makes challenges, and judges the answers. `key`: nobody else's, or answers could be used once with each who has it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._counted: OrderedDict[str, int] = OrderedDict()
        "The highest count that a nonce came with, in the order of their last use."

        self._floor = 0
        "Nonces that are not younger count as used up, in UNIX seconds."

    def challenges(self, now: float, salt: str, digest: Digest, *, stale: bool = False) -> tuple[str, ...]:
        """The values of `WWW-Authenticate`. `salt`: 16 hex digits by chance, so that no two have the same nonce."""
        nonce = self._nonce(int(now), salt)
        again = ", stale=true" if stale else ""
        return tuple(
            f'Digest realm="{REALM}", nonce="{nonce}", algorithm={algorithm}, qop="auth"{again}'
            for algorithm in _OFFERED[digest]
        )

    def judge(self, request: Request, user: str, password: str, digest: Digest, now: float) -> Verdict:
        """Whether a request proves that it comes from this user. A proof is right once."""
        proof = proof_of(request)
        if proof is None:
            return "none"
        if digest not in (proof.algorithm, "both"):
            return "wrong"
        if proof.user != user or not _same_place(proof.uri, request.uri):
            return "wrong"
        if not hmac.compare_digest(_response(proof, request.method, password).encode(), proof.response.encode()):
            return "wrong"
        return "right" if self._is_fresh(proof, now) else "stale"

    def _nonce(self, made_at: int, salt: str) -> str:
        plain = f"{made_at:08x}{salt}"
        return plain + hmac.new(self._key, plain.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:32]

    def _is_fresh(self, proof: Proof, now: float) -> bool:
        try:
            made_at = int(proof.nonce[:8], 16)
        except ValueError:
            return False
        signed = self._nonce(made_at, proof.nonce[8:-32]).encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(signed, proof.nonce.encode("utf-8", "surrogateescape")):
            return False
        if now - made_at > NONCE_S or made_at <= self._floor or proof.count <= self._counted.get(proof.nonce, 0):
            return False
        self._counted[proof.nonce] = proof.count
        self._counted.move_to_end(proof.nonce)
        while len(self._counted) > COUNTED_MAX:
            gone, _ = self._counted.popitem(last=False)
            self._floor = max(self._floor, int(gone[:8], 16))
        return True


def proof_of(request: Request) -> Proof | None:
    """The answer to a challenge of our realm; None where there is none, or one that we did not ask for."""
    for value in request.headers.all("authorization"):
        fields = fields_of(value)
        if fields.get("realm") != REALM:
            continue
        count = fields.get("nc", "")
        algorithm = fields.get("algorithm", "").lower() or "md5"
        known = algorithm in HASHES and fields.get("qop", "").lower() == "auth"
        if not known or len(count) != 8 or any(char not in "0123456789abcdefABCDEF" for char in count):
            return None
        names = ("username", "nonce", "uri", "response", "cnonce")
        if any(not 0 < len(fields.get(name, "")) <= FIELD_MAX for name in names):
            return None
        user, nonce, place, response, client_nonce = (fields[name] for name in names)
        if not response.isascii():
            return None
        return Proof(user, nonce, place, response.lower(), algorithm, client_nonce, int(count, 16), count)
    return None


def _response(proof: Proof, method: str, password: str) -> str:
    """RFC 7616 §3.4.1."""
    hashed = HASHES[proof.algorithm]
    secret = hashed(f"{proof.user}:{REALM}:{password}")
    return hashed(
        f"{secret}:{proof.nonce}:{proof.count_text}:{proof.client_nonce}:auth:{hashed(f'{method}:{proof.uri}')}"
    )


def _same_place(named: str, asked: str) -> bool:
    """Whether the URI of an answer is that of its request; some telephones leave out its parameters or its port."""
    if named == asked:
        return True
    try:
        one, other = uri(named), uri(asked)
    except PeerError:
        return False
    return (one.user, one.host.lower()) == (other.user, other.host.lower())
