"""Answers to digest challenges, as the side that is asked who it is (RFC 3261 §22, RFC 7616, RFC 8760)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from callwright.sip.address import split_list
from callwright.sip.message import Request, Response

REALMS_MAX = 4
"Realms that one call answers to: a proxy or two, and the far end."

STALE_MAX = 3
"Times that a realm may say that a nonce of its own is too old before it is taken for a refusal."

FIELD_MAX = 500
"Longest realm, nonce or opaque that is sent back."

_ASKED_IN = {401: ("www-authenticate", "authorization"), 407: ("proxy-authenticate", "proxy-authorization")}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


HASHES: dict[str, Callable[[str], str]] = {"md5": _md5, "sha-256": _sha256}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a peer. The password is in no `repr`, so in no log."""

    user: str
    password: str = field(repr=False)


@dataclass(slots=True)
class _Challenge:
    """What a realm asks, as it was written: escapes in its quoted strings stay as they are (RFC 7616 §3.4)."""

    realm: str
    nonce: str
    opaque: str | None
    algorithm: str
    "As it was written, empty where it was not; `Hash` or `Hash-sess`."

    qop: bool
    "Of `auth`; a peer of RFC 2069 knows none."

    stale: bool
    header: str
    "That the answer goes into."

    used: int = 0
    "Requests that were sent with its nonce."

    staled: int = 0

    @property
    def hash(self) -> Callable[[str], str]:
        return HASHES[self.algorithm.lower().removesuffix("-sess") or "md5"]


class Identity:
    """What one call answers to those that challenge it. It keeps their nonces, for requests that are challenged later."""

    def __init__(self, credentials: Credentials, new_nonce: Callable[[], str]) -> None:
        self._credentials = credentials
        self._new_nonce = new_nonce
        self._challenges: dict[tuple[str, str], _Challenge] = {}
        "By header and realm."

    def prove(self, request: Request, response: Response) -> bool:
        """Put the answer to a 401 or 407 into the request that got it; False where there is none that we could give, or
        ours was refused. The request then goes again with its next CSeq, in a new transaction."""
        asked, header = _ASKED_IN[response.status]
        answered = {_realm(value) for value in request.headers.all(header)}
        taken: list[str] = []
        for value in response.headers.all(asked):
            challenge = _read(value, header)
            if challenge is None or challenge.realm in taken:
                # Of several that a realm offers, the first that we know is the one that it likes best (RFC 8760 §2.4).
                continue
            before = self._challenges.get((header, challenge.realm))
            if before is None and len(self._challenges) >= REALMS_MAX:
                continue
            if challenge.realm in answered:
                if not challenge.stale or before is None or before.staled >= STALE_MAX:
                    return False
                challenge.staled = before.staled + 1
            if before is not None and before.nonce == challenge.nonce:
                challenge.used = before.used
            taken.append(challenge.realm)
            self._challenges[(header, challenge.realm)] = challenge
        if not taken:
            return False
        others = [value for value in request.headers.all(header) if _realm(value) not in taken]
        ours = [self._answer(self._challenges[header, realm], request) for realm in taken]
        request.headers.set(header, *others, *ours)
        return True

    def _answer(self, asked: _Challenge, request: Request) -> str:
        """RFC 7616 §3.4.1."""
        asked.used += 1
        count, ours = f"{asked.used:08x}", self._new_nonce()
        user, hashed = self._credentials.user, asked.hash
        secret = hashed(f"{user}:{asked.realm}:{self._credentials.password}")
        if asked.algorithm.lower().endswith("-sess"):
            secret = hashed(f"{secret}:{asked.nonce}:{ours}")
        what = hashed(f"{request.method}:{request.uri}")
        between = f"{asked.nonce}:{count}:{ours}:auth" if asked.qop else asked.nonce
        parts = [
            f'username="{user}"',
            f'realm="{asked.realm}"',
            f'nonce="{asked.nonce}"',
            f'uri="{request.uri}"',
            f'response="{hashed(f"{secret}:{between}:{what}")}"',
        ]
        if asked.algorithm:
            parts.append(f"algorithm={asked.algorithm}")
        if asked.qop or asked.algorithm.lower().endswith("-sess"):
            parts.append(f'cnonce="{ours}"')
        if asked.qop:
            parts += ["qop=auth", f"nc={count}"]
        if asked.opaque is not None:
            parts.append(f'opaque="{asked.opaque}"')
        return f"Digest {', '.join(parts)}"


def fields_of(value: str) -> dict[str, str]:
    """`Digest a="b", c=d` as {"a": "b", "c": "d"}, names in lower case; empty for another scheme."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return {}
    found: dict[str, str] = {}
    for item in split_list(rest):
        name, _, text = item.partition("=")
        text = text.strip()
        if len(text) >= 2 and text[0] == text[-1] == '"':
            text = text[1:-1]
        found.setdefault(name.strip().lower(), text)
    return found


def _realm(value: str) -> str:
    return fields_of(value).get("realm", "")


def _read(value: str, header: str) -> _Challenge | None:
    """None for one that we cannot answer: another scheme, an unknown algorithm, the body's integrity, or too long."""
    fields = fields_of(value)
    algorithm = fields.get("algorithm", "")
    offered = {one.strip().lower() for one in fields.get("qop", "").split(",")} - {""}
    if "realm" not in fields or not fields.get("nonce") or (offered and "auth" not in offered):
        return None
    if (algorithm.lower().removesuffix("-sess") or "md5") not in HASHES:
        return None
    if any(len(fields.get(name, "")) > FIELD_MAX for name in ("realm", "nonce", "opaque")):
        return None
    return _Challenge(
        realm=fields["realm"],
        nonce=fields["nonce"],
        opaque=fields.get("opaque"),
        algorithm=algorithm,
        qop=bool(offered),
        stale=fields.get("stale", "").lower() == "true",
        header=header,
    )
