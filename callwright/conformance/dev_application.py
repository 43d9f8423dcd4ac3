"""DEV: recogniser, synthesizer and URL of a number."""

from callwright.conformance.rule import expect, rule
from callwright.conformance.target import Target, read_json, read_xml, shown

SERVICES = ("getASR", "getTTS", "getURL")
NOBODYS = "2125550199"
"Of those that are for fiction."


@rule("dev-application", "dev")
async def application_refuses_in_its_envelope(t: Target) -> None:
    """Without credentials the application API says failure, and Unauthorized access to … service"""
    for service in SERVICES:
        told = read_json(await t.ask("GET", f"/ws/application/{service}/{NOBODYS}"))
        expect(told == {"status": "failure", "error": f"Unauthorized access to {service} service"}, f"{told}"[:200])


@rule("dev-application", "dev", inferred=True)
async def application_takes_numbers_of_ones_own(t: Target) -> None:
    """What is no telephone number, or is somebody else's, is a failure in the envelope"""
    for service in SERVICES:
        for number in ("123", NOBODYS):
            told = read_json(await t.dev(f"/ws/application/{service}/{number}"))
            expect(
                list(told) == ["status", "error"] and told["status"] == "failure", f"{service}/{number}: {told}"[:200]
            )


@rule("dev-application", "dev", inferred=True)
async def application_has_options(t: Target) -> None:
    """getOptionsASR and getOptionsTTS tell what can be set: a list of texts"""
    for service in ("getOptionsASR", "getOptionsTTS"):
        reply = await t.dev(f"/ws/application/{service}")
        told = read_json(reply)
        expect(list(told) == ["status", "error", "result"] and told["status"] == "success", shown(reply))
        options = told["result"]["options"]
        expect(type(options) is list and options and all(type(option) is str for option in options), shown(reply))


@rule("dev-application", "dev")
async def application_in_xml(t: Target) -> None:
    """In XML the envelope is an element named after the service"""
    for service in SERVICES:
        root = read_xml(await t.dev(f"/ws/application/{service}/123", xml=True))
        expect(root.tag == service, f"the root is <{root.tag}>")
        expect([child.tag for child in root] == ["status", "error"], f"{[child.tag for child in root]}")
