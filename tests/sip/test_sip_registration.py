"""What a REGISTER asks for, what is granted, and who is asked how often before he is not listened to."""

import pytest
from sip_bench import request

from callwright.base.errors import PeerError
from callwright.sip.message import Request, Unreadable
from callwright.sip.registration import BINDINGS_MAX, TooBrief, Way, domains, read, way_to
from callwright.sip.sources import BANNED_S, BURST, FAILURES_MAX, FAILURES_S, SILENT_S, SOURCES_MAX, Sources

pytestmark = pytest.mark.pure

SOURCE = ("198.51.100.9", 33000)


def _register(*contacts: str, **headers: str) -> Request:
    made = request("REGISTER", uri="sip:192.0.2.1", **headers)
    if contacts:
        made.headers.set("contact", *contacts)
    return made


def _asked(*contacts: str, reliable: bool = True, **headers: str):
    return [
        (one.uri, one.expires_s) for one in read(_register(*contacts, **headers), SOURCE, reliable=reliable).contacts
    ]


class TestRegister:
    def test_how_long(self) -> None:
        where = "<sip:ann@198.51.100.9:33000>"
        uri = where[1:-1]
        assert _asked(where) == [(uri, 3600)]
        assert _asked(where, expires="600") == [(uri, 600)]
        assert _asked(f"{where};expires=300", expires="600") == [(uri, 300)]
        assert _asked(f"{where};expires=999999") == [(uri, 7200)]
        assert _asked(f"{where};expires=rubbish") == [(uri, 3600)]
        assert _asked(f"{where};expires=0") == [(uri, 0)]
        with pytest.raises(TooBrief):
            _asked(where, expires="59")

    def test_behind_a_nat_it_has_to_come_back_soon(self) -> None:
        inside = "<sip:ann@10.0.0.4:5060>"
        assert _asked(inside, reliable=False) == [("sip:ann@10.0.0.4:5060", 90)]
        assert _asked(inside, reliable=True) == [("sip:ann@10.0.0.4:5060", 3600)]
        assert _asked("<sip:ann@198.51.100.9:33000>", reliable=False)[0][1] == 3600
        assert _asked(inside, reliable=False, path="<sip:192.0.2.20;lr>")[0][1] == 3600

    def test_all_of_them(self) -> None:
        assert read(_register("*", expires="0"), SOURCE, reliable=True).everything
        for wrong in (_register("*"), _register("*", "<sip:a@192.0.2.9>", expires="0"), _register("*", expires="5")):
            with pytest.raises(PeerError):
                read(wrong, SOURCE, reliable=True)

    def test_by_what_hosts_it_calls_us(self) -> None:
        def known(uri: str, to: str) -> tuple[str, ...]:
            return domains(request("REGISTER", uri=uri, to=to))

        assert known("sip:PBX.example.com", "Ann <sip:ann@pbx.example.com>") == ("pbx.example.com",)
        assert known("sip:192.0.2.1:5080", "<sips:ann@Example.com;x=1>") == ("192.0.2.1", "example.com")
        assert known("tel:+1", f"<sip:ann@{'x' * 254}>") == ()
        read_one = read(_register("<sip:a@192.0.2.9>", to="<sip:a@home.test>"), SOURCE, reliable=True)
        assert read_one.domains == ("192.0.2.1", "home.test")

    def test_what_it_is_replaced_by(self) -> None:
        def key(contact: str) -> str:
            return read(_register(contact), SOURCE, reliable=True).contacts[0].key

        flow = '<sip:a@10.0.0.4:{port}>;+sip.instance="<urn:uuid:1>";reg-id={flow}'
        assert key(flow.format(port=1, flow=1)) == key(flow.format(port=2, flow=1)) != key(flow.format(port=1, flow=2))
        assert key('<sip:a@10.0.0.4:1>;+sip.instance="<urn:uuid:1>"') == "sip:a@10.0.0.4:1"

    @pytest.mark.parametrize("contact", ["<tel:+1>", "<mailto:a@b>", "<sip:a@b", f"<sip:{'a' * 600}@192.0.2.9>"])
    def test_a_contact_that_is_no_place(self, contact: str) -> None:
        with pytest.raises(PeerError):
            _asked(contact)

    def test_torture(self) -> None:
        """RFC 4475 §3.1.2.13, §3.3.12 to 14: what belongs to the URI, what to the Contact, and fields that a URI asks for."""
        with pytest.raises(Unreadable) as refused:
            _asked("sip:user@example.com?Route=%3Csip:sip.example.com%3E")
        assert (refused.value.status, refused.value.reason) == (400, "Bad Contact")
        assert _asked("sip:+19725552222@gw1.example.net;unknownparam") == [("sip:+19725552222@gw1.example.net", 3600)]
        kept = "sip:+19725552222@gw1.example.net;unknownparam"
        assert _asked(f"<{kept}>") == [(kept, 3600)]
        named = "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
        assert _asked(f"<{named}>") == [(named, 3600)], "it is told again as it was written"
        assert way_to(named, SOURCE, ()) == Way("sip:user@example.com", SOURCE), "and called without them"

    def test_too_many(self) -> None:
        with pytest.raises(PeerError):
            _asked(*(f"<sip:a@192.0.2.{number}>" for number in range(BINDINGS_MAX + 1)))
        with pytest.raises(PeerError):
            _asked("<sip:a@192.0.2.9>", path=", ".join(f"<sip:192.0.2.{number};lr>" for number in range(6)))

    def test_the_way_back(self) -> None:
        contact = "sip:ann@10.0.0.4:5060"
        assert way_to(contact, SOURCE, ()) == Way(contact, SOURCE)
        path = ("<sip:192.0.2.20:5070;lr>", "<sip:10.9.9.9;lr>")
        assert way_to(contact, SOURCE, path) == Way(contact, ("192.0.2.20", 5070), path)
        assert way_to(contact, SOURCE, ("<sip:edge.example.com;lr>",)) is None


class TestStrangers:
    def test_who_asks_too_much_is_silent_for_a_while_and_nobody_else_is(self) -> None:
        sources = Sources()
        assert [sources.take("192.0.2.66", 0) for _ in range(int(BURST) + 1)] == [True] * int(BURST) + [False]
        assert sources.is_silent("192.0.2.66", SILENT_S - 1) and not sources.is_silent("192.0.2.67", 0)
        assert not sources.is_silent("192.0.2.66", SILENT_S) and sources.take("192.0.2.66", SILENT_S)

    def test_who_guesses(self) -> None:
        sources = Sources()
        for at in range(FAILURES_MAX - 1):
            sources.failed("192.0.2.66", at)
        sources.failed("192.0.2.66", FAILURES_S + 1)
        assert not sources.is_silent("192.0.2.66", FAILURES_S + 1), "those were long ago"
        for _ in range(FAILURES_MAX):
            sources.failed("192.0.2.66", 1000)
        assert sources.is_silent("192.0.2.66", 1000 + BANNED_S - 1) and sources.silenced == 1
        assert not sources.is_silent("192.0.2.66", 1000 + BANNED_S)

    def test_an_ipv6_source_is_its_network(self) -> None:
        sources = Sources()
        for number in range(FAILURES_MAX):
            sources.failed(f"2001:db8::{number:x}", 0)
        assert sources.is_silent("2001:db8::ffff", 0) and not sources.is_silent("2001:db8:0:1::1", 0)
        for _ in range(FAILURES_MAX):
            sources.failed("::ffff:192.0.2.66", 0)
        assert sources.is_silent("192.0.2.66", 0) and not sources.is_silent("::ffff:192.0.2.67", 0)

    def test_forged_addresses_take_no_room(self) -> None:
        sources = Sources()
        for number in range(SOURCES_MAX + 500):
            sources.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0)
        assert len(sources._known) == SOURCES_MAX
