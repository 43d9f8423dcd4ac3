"""Fuse: credentials, forms, methods, and what is not there."""

import base64

from callwright.conformance.rule import expect, rule
from callwright.conformance.target import ABSENT, Target, read_json, read_xml, shown

ENDPOINTS = (
    ("POST", f"/api/apps/{ABSENT}/{ABSENT}/queue"),
    ("POST", f"/api/apps/{ABSENT}/{ABSENT}/bulk_queue"),
    ("GET", f"/api/outbound/{ABSENT}"),
    ("DELETE", f"/api/apps/{ABSENT}/{ABSENT}/cancel"),
    ("GET", "/api/calls/0/1"),
    ("GET", "/api/all_logs/0/1"),
    ("GET", "/api/call/0;0;0"),
)
NO_DEPLOYMENT = "No deployment was found by that application id and deployment id."


def _is_error(told: object) -> bool:
    return isinstance(told, dict) and list(told) == ["error"] and isinstance(told["error"], str) and bool(told["error"])


@rule("fuse-authentication")
async def no_credentials(t: Target) -> None:
    """A request without credentials is answered with 401 and the reason"""
    for method, path in ENDPOINTS:
        reply = await t.ask(method, path)
        expect(reply.status_code == 401 and _is_error(read_json(reply)), f"{method} {path}: {shown(reply)}")


@rule("fuse-authentication")
async def wrong_key(t: Target) -> None:
    """A wrong developer key is answered with 401 and the reason"""
    reply = await t.ask("GET", "/api/calls/0/1", auth=(t.user, f"{t.key}x"))
    expect(reply.status_code == 401 and _is_error(read_json(reply)), shown(reply))


@rule("fuse-authentication")
async def unknown_email(t: Target) -> None:
    """An unknown email is answered with 401, whatever the key"""
    reply = await t.ask("GET", "/api/calls/0/1", auth=(f"nobody-{t.user}", t.key))
    expect(reply.status_code == 401 and _is_error(read_json(reply)), shown(reply))


@rule("fuse-authentication", inferred=True)
async def malformed_header(t: Target) -> None:
    """A header that cannot be read is answered with 401, and WWW-Authenticate"""
    for header in ("Basic", "Basic ???", "Bearer x"):
        reply = await t.ask("GET", "/api/calls/0/1", headers={"Authorization": header})
        expect(reply.status_code == 401, f"{header}: {shown(reply)}")
        expect("www-authenticate" in reply.headers, f"{header}: 401 without WWW-Authenticate")


@rule("fuse-authentication")
async def refusal_in_xml(t: Target) -> None:
    """A refusal is in XML where XML is asked for: result, error"""
    root = read_xml(await t.ask("GET", "/api/calls/0/1", xml=True))
    expect(root.tag == "result" and [child.tag for child in root] == ["error"], f"<{root.tag}>")


@rule("fuse-authentication")
async def accept(t: Target) -> None:
    """Accept chooses JSON or XML; anything else, or none, gives JSON"""
    for asked, given in (
        ("application/json", "json"),
        ("application/xml", "xml"),
        ("text/html", "json"),
        ("*/*", "json"),
        ("", "json"),
    ):
        reply = await t.fuse("GET", "/api/calls/0/1", headers={"Accept": asked})
        found = reply.headers.get("content-type", "")
        expect(found.partition(";")[0] == f"application/{given}", f"Accept {asked or '(empty)'} gives {found}")


@rule("fuse-authentication")
async def wrong_method(t: Target) -> None:
    """Another method is answered with 405 and the reason"""
    for method, path in ENDPOINTS:
        other = "PUT" if method != "PUT" else "GET"
        reply = await t.fuse(other, path)
        expect(reply.status_code == 405 and _is_error(read_json(reply)), f"{other} {path}: {shown(reply)}")


@rule("fuse-authentication", inferred=True)
async def method_before_credentials(t: Target) -> None:
    """The method is checked before the credentials, and Allow names the right one"""
    for method, path in ENDPOINTS:
        reply = await t.ask("PATCH", path)
        expect(reply.status_code == 405, f"PATCH {path}: {shown(reply)}")
        expect(reply.headers.get("allow") == method, f"PATCH {path}: Allow is {reply.headers.get('allow')}")


@rule("fuse-authentication", inferred=True)
async def misspelt_header(t: Target) -> None:
    """Credentials in the header Authentication, as the page spells it, are read"""
    encoded = base64.b64encode(f"{t.user}:{t.key}".encode()).decode()
    reply = await t.ask("GET", "/api/calls/0/1", headers={"Authentication": f"Basic {encoded}"})
    expect(reply.status_code == 200 and "calls" in read_json(reply), shown(reply))


@rule("fuse-cancel")
async def no_such_deployment(t: Target) -> None:
    """Cancelling for a deployment that is not there: 404 with the documented text, in JSON and XML"""
    path = f"/api/apps/{ABSENT}/{ABSENT}/cancel"
    reply = await t.fuse("DELETE", path)
    expect(reply.status_code == 404 and read_json(reply) == {"error": NO_DEPLOYMENT}, shown(reply))
    reply = await t.fuse("DELETE", path, xml=True)
    root = read_xml(reply)
    expect(reply.status_code == 404 and root.findtext("error") == NO_DEPLOYMENT, shown(reply))


@rule("fuse-queue-call")
async def queue_for_no_deployment(t: Target) -> None:
    """Queueing for a deployment that is not there: 404, before any field is looked at"""
    reply = await t.fuse("POST", f"/api/apps/{ABSENT}/{ABSENT}/queue", files={"phone_number": (None, "x")})
    expect(reply.status_code == 404 and _is_error(read_json(reply)), shown(reply))


@rule("fuse-queue-calls", inferred=True)
async def bulk_queue_for_no_deployment(t: Target) -> None:
    """A file for a deployment that is not there: 404"""
    reply = await t.fuse("POST", f"/api/apps/{ABSENT}/{ABSENT}/bulk_queue", files={"csv": ("a.csv", b"x")})
    expect(reply.status_code == 404 and _is_error(read_json(reply)), shown(reply))


@rule("fuse-call-status")
async def no_such_call(t: Target) -> None:
    """The status of a call that is not there: 404"""
    for call_id in (ABSENT, "x"):
        reply = await t.fuse("GET", f"/api/outbound/{call_id}")
        expect(reply.status_code == 404 and _is_error(read_json(reply)), f"{call_id}: {shown(reply)}")


@rule("fuse-call-log")
async def no_such_log(t: Target) -> None:
    """The log of a call that is not there: 404, with ; raw and as %3B"""
    for session_id in ("000000;000;0", "000000%3B000%3B0"):
        reply = await t.fuse("GET", f"/api/call/{session_id}")
        expect(reply.status_code == 404 and _is_error(read_json(reply)), f"{session_id}: {shown(reply)}")
