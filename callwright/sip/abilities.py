"""What user agents are able to, as their messages say it (RFC 3261 §20.5, §20.37; RFC 6665 §8.2.2): this one, and its peers."""

from collections.abc import Sequence

from callwright.sip.message import SDP_TYPE, Headers, Request

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "SUBSCRIBE")
ALLOW = ", ".join(METHODS)
NOT_ALLOWED = frozenset({"REGISTER", "PUBLISH", "MESSAGE"})
"Methods that we know and do not serve: 405, where an unknown one is 501."

EVENTS = "refer"
"Packages of events that we tell of (Allow-Events); only a REFER subscribes to them."

EXTENSIONS = ("100rel", "timer", "replaces", "norefersub")
"What a peer may require of us (RFC 3262, RFC 4028, RFC 3891, RFC 4488)."

SUPPORTED = ", ".join(EXTENSIONS)
ABLE = {"allow": ALLOW, "supported": SUPPORTED, "accept": SDP_TYPE, "allow_events": EVENTS}
"What is told to whoever asks (RFC 3261 §11.2, RFC 6665 §4.4.4)."


def refused(request: Request) -> tuple[int, dict[str, str]] | None:
    """The status and header fields that refuse what we are not able to: the checks of RFC 3261 §8.2.1 and §8.2.2, and the hops.
    `reason`: the reason phrase. None: it is looked at further."""
    method, headers = request.method, request.headers
    package = headers.get("event").partition(";")[0].strip().lower() if method == "SUBSCRIBE" else ""
    if method == "SUBSCRIBE" and (package != EVENTS or not request.to_tag):
        # Of what is told after a REFER only a REFER makes one (RFC 3515 §2.4.4); the rest is RFC 6665 §4.2.1.1.
        return 403 if package == EVENTS else 489, {"allow_events": EVENTS}
    if method not in METHODS:
        return 405 if method in NOT_ALLOWED else 501, {"allow": ALLOW}
    if method != "OPTIONS" and headers.get("max-forwards") == "0":
        return 483, {}
    if "replaces" in headers.values and (method != "INVITE" or request.to_tag):
        # RFC 3891 §3.
        return 400, {"reason": "Replaces Outside Of A New INVITE"}
    if unknown := [name for name in headers.tokens("require") if name not in EXTENSIONS]:
        return 420, {"unsupported": ", ".join(unknown)}
    return None


class Told:
    """What a peer has said of itself."""

    __slots__ = ("_allowed", "_supported")

    def __init__(self) -> None:
        self._allowed: Sequence[str] = ()
        self._supported: Sequence[str] = ()
        "Values of its Allow and Supported."

    def heard(self, headers: Headers) -> None:
        """Note what an INVITE or a 2xx of its own says."""
        # Read where it is asked for: most calls are over before.
        self._allowed = headers.all("allow") or self._allowed
        self._supported = headers.all("supported") or self._supported

    def allows(self, method: str) -> bool | None:
        """Whether it takes a method; None where it does not say."""
        return method.lower() in _words(self._allowed) if self._allowed else None

    def knows(self, extension: str) -> bool:
        return extension in _words(self._supported)


def _words(values: Sequence[str]) -> set[str]:
    return {word.strip() for value in values for word in value.lower().split(",")}
