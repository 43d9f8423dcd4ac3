"""SIP requests as a peer sends them."""

from callwright.sip.message import Request


def register(*contacts: str, user: str = "ann", number: int = 1, call_id: str = "register", **headers: str) -> Request:
    """A REGISTER with these Contacts."""
    made = Request("REGISTER", "sip:192.0.2.1", sequence=number)
    made.headers.set("via", f"SIP/2.0/UDP 198.51.100.9:33000;branch=z9hG4bK{call_id}{number};rport")
    made.headers.set("from", f"<sip:{user}@192.0.2.1>;tag=a")
    made.headers.set("to", f"<sip:{user}@192.0.2.1>")
    made.headers.set("call-id", call_id)
    made.headers.set("cseq", f"{number} REGISTER")
    if contacts:
        made.headers.set("contact", *contacts)
    for name, value in headers.items():
        made.headers.set(name.replace("_", "-"), value)
    return made


def invite(call_id: str, source: tuple[str, int], *, number: int = 1, method: str = "INVITE") -> bytes:
    """An INVITE from this address, or what cancels it."""
    host, port = source
    made = Request(method, "sip:300@192.0.2.1", sequence=number)
    made.headers.set("via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{call_id}{number}")
    made.headers.set("from", f"<sip:ann@{host}:{port}>;tag=a")
    made.headers.set("to", "<sip:300@192.0.2.1>")
    made.headers.set("call-id", call_id)
    made.headers.set("cseq", f"{number} {method}")
    made.headers.set("contact", f"<sip:ann@{host}:{port}>")
    return made.serialize()
