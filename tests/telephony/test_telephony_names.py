"""Where the servers of a name are, asked of a real name server on loopback; calls that go to the next where one fails."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from dns_server import NameServer, name_server
from sipp import SDP

from callwright.base.errors import ProviderError
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Rejected, SipEvent
from callwright.sip.locating import PLACES_MAX, Place
from callwright.telephony.names import Names
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.wire
WAIT_S = 15.0
DESCRIPTION = SDP.strip().replace("[local_ip]", "127.0.0.1").replace("[media_ip]", "127.0.0.1")
DESCRIPTION = DESCRIPTION.replace("[auto_media_port]", "4000").replace("\n", "\r\n") + "\r\n"
A = ("sip.carrier.test", "A"), (60, ["127.0.0.1"])
NAPTR = '%d %d "%s" "%s" "" %s.'


@asynccontextmanager
async def _names(*zone) -> AsyncIterator[tuple[Names, NameServer]]:
    async with name_server(dict(zone)) as server:
        yield Names([server.address]), server


class TestAsking:
    async def test_naptr_chooses_the_transport(self):
        records = [
            NAPTR % (20, 1, "s", "SIP+D2U", "_sip._udp.carrier.test"),
            NAPTR % (10, 2, "s", "SIP+D2T", "_sip._tcp.carrier.test"),
            NAPTR % (10, 1, "s", "SIP+D2S", "_sip._sctp.carrier.test"),
            NAPTR % (1, 1, "u", "E2U+sip", "_sip._udp.elsewhere.test"),
        ]
        async with _names(
            (("carrier.test", "NAPTR"), (60, records)),
            (("_sip._tcp.carrier.test", "SRV"), (60, ["1 0 5070 sip.carrier.test."])),
            (("_sip._udp.carrier.test", "SRV"), (60, ["2 0 5081 sip.carrier.test.", "1 0 5080 sip.carrier.test."])),
            A,
        ) as (names, _):
            assert await names.locate("Carrier.test.", "udp", ipv6=False) == [
                Place(("127.0.0.1", 5070), "tcp"),
                Place(("127.0.0.1", 5080), "udp"),
                Place(("127.0.0.1", 5081), "udp"),
            ]
            assert await names.locate("carrier.test", "tcp", ipv6=False) == [Place(("127.0.0.1", 5070), "tcp")]

    async def test_without_naptr_srv_and_without_srv_the_name_itself(self):
        async with _names(
            (("_sip._udp.carrier.test", "SRV"), (60, ["1 0 5080 sip.carrier.test."])),
            (("carrier.test", "A"), (60, ["192.0.2.8"])),
            A,
        ) as (names, _):
            assert await names.locate("carrier.test", "udp", ipv6=False) == [Place(("127.0.0.1", 5080), "udp")]
            assert await names.locate("carrier.test", "tls", ipv6=False) == [Place(("192.0.2.8", 5061), "tls")]
            assert await names.locate("192.0.2.9", "udp", ipv6=False) == [Place(("192.0.2.9", 5060), "udp")]

    async def test_a_name_without_a_domain_is_this_machines(self):
        async with _names(A) as (names, server):
            assert await names.locate("localhost", "tls", ipv6=False) == [Place(("127.0.0.1", 5061), "tls")]
            assert not server.asked

    async def test_a_name_that_nobody_knows(self):
        async with _names(A) as (names, _):
            with pytest.raises(ProviderError, match=r"no address is known for nowhere\.invalid"):
                await names.locate("nowhere.invalid", "udp", ipv6=False)

    async def test_no_service_is_no_service(self):
        """RFC 2782: a target of `.`; then the name itself is not asked either."""
        async with _names((("_sip._udp.carrier.test", "SRV"), (60, ["0 0 0 ."])), (("carrier.test", "A"), (60, ["192.0.2.8"]))) as (
            names, _,
        ):  # fmt: skip
            with pytest.raises(ProviderError):
                await names.locate("carrier.test", "udp", ipv6=False)

    async def test_a_list_without_end_is_cut(self):
        many = [f"{number} 0 {5000 + number} sip.carrier.test." for number in range(50)]
        async with _names((("_sip._udp.carrier.test", "SRV"), (60, many)), A) as (names, _):
            assert len(await names.locate("carrier.test", "udp", ipv6=False)) == PLACES_MAX

    async def test_what_dns_said_is_believed_for_a_while(self):
        """Also where it says that it is not to be: a TTL of 0 would be a question for each call."""
        async with _names((("_sip._udp.carrier.test", "SRV"), (0, ["1 0 5080 127.0.0.1."]))) as (names, server):
            first = await names.locate("carrier.test", "udp", ipv6=False)
            asked = len(server.asked)
            assert await names.locate("carrier.test", "udp", ipv6=False) == first and len(server.asked) == asked > 0


class Ends:
    """Endpoints that are called: what each does with a call."""

    def __init__(self) -> None:
        self.opened: list[SipEndpoint] = []
        self.came: list[str] = []

    async def add(self, name: str, status: int = 0, **options) -> tuple[str, int]:
        def take(call: SipCall) -> None:
            self.came.append(name)
            if status:
                call.reject(status)
            else:
                call.answer(DESCRIPTION)

        endpoint = await SipEndpoint.open("127.0.0.1", 0, on_invite=take, **options)
        self.opened.append(endpoint)
        return endpoint.addresses["tcp"] if options.get("tcp") else endpoint.address


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    made = Ends()
    yield made
    for endpoint in made.opened:
        await endpoint.close()


async def _call(names: Names) -> SipEvent:
    """What comes of a call to the carrier."""
    told: asyncio.Queue[SipEvent] = asyncio.Queue()
    here = await SipEndpoint.open("127.0.0.1", 0, on_invite=lambda _: None, names=names)
    try:
        first, *others = await here.locate("carrier.test", 0, "udp")
        here.invite(
            "sip:100@carrier.test", call_id="ours", caller="200", sdp=DESCRIPTION, to=first.address,
            on_event=told.put_nowait, transport=first.transport, others=others,
        )  # fmt: skip
        async with asyncio.timeout(WAIT_S):
            while not isinstance(event := await told.get(), Answered | Rejected):
                pass
            return event
    finally:
        await here.close()


class TestCalling:
    async def test_the_next_where_one_is_full(self, ends):
        full, fine = await ends.add("full", 503), await ends.add("fine")
        srv = [f"1 0 {full[1]} sip.carrier.test.", f"2 0 {fine[1]} sip.carrier.test."]
        async with _names((("_sip._udp.carrier.test", "SRV"), (60, srv)), A) as (names, _):
            assert isinstance(await _call(names), Answered)
        assert ends.came == ["full", "fine"]

    async def test_the_next_where_nobody_takes_a_connection(self, ends):
        """And by another transport."""
        fine = await ends.add("fine")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            records = [
                NAPTR % (1, 1, "s", "SIP+D2T", "_sip._tcp.carrier.test"),
                NAPTR % (2, 1, "s", "SIP+D2U", "_sip._udp.carrier.test"),
            ]
            async with _names(
                (("carrier.test", "NAPTR"), (60, records)),
                (("_sip._tcp.carrier.test", "SRV"), (60, [f"1 0 {taken.getsockname()[1]} sip.carrier.test."])),
                (("_sip._udp.carrier.test", "SRV"), (60, [f"1 0 {fine[1]} sip.carrier.test."])),
                A,
            ) as (names, _):
                assert isinstance(await _call(names), Answered)
        assert ends.came == ["fine"]

    async def test_the_next_where_one_is_mute(self, ends):
        fine = await ends.add("fine")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
            mute.bind(("127.0.0.1", 0))
            srv = [f"1 0 {mute.getsockname()[1]} sip.carrier.test.", f"2 0 {fine[1]} sip.carrier.test."]
            async with _names((("_sip._udp.carrier.test", "SRV"), (60, srv)), A) as (names, _):
                assert isinstance(await _call(names), Answered)
        assert ends.came == ["fine"]

    @pytest.mark.parametrize("status", [404, 486, 500, 603])
    async def test_any_other_refusal_is_the_answer(self, ends, status):
        first, second = await ends.add("first", status), await ends.add("second")
        srv = [f"1 0 {first[1]} sip.carrier.test.", f"2 0 {second[1]} sip.carrier.test."]
        async with _names((("_sip._udp.carrier.test", "SRV"), (60, srv)), A) as (names, _):
            refused = await _call(names)
        assert isinstance(refused, Rejected) and refused.status == status and ends.came == ["first"]

    async def test_all_are_full(self, ends):
        srv = [f"{number} 0 {(await ends.add(str(number), 503))[1]} sip.carrier.test." for number in range(3)]
        async with _names((("_sip._udp.carrier.test", "SRV"), (60, srv)), A) as (names, _):
            refused = await _call(names)
        assert isinstance(refused, Rejected) and refused.status == 503 and ends.came == ["0", "1", "2"]
