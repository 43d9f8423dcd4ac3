"""Calls through Kamailio, a proxy by others: it challenges the INVITE, and by Record-Route both ends hear it alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kamailio import kamailio

from callwright.sip.address import Address
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Confirmed, Ended, Referred, Rejected, SipEvent
from callwright.sip.refer import Referral
from callwright.telephony.sip_endpoint import Credentials, SipEndpoint

pytestmark = pytest.mark.interop

WAIT_S = 20.0
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n"
)
ROUTES = """
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (has_totag()) {
        if (loose_route() || (is_method("ACK") && t_check_trans())) { t_relay(); exit; }
        if (!is_method("ACK")) { sl_send_reply("404", "No Route"); }
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
    if (is_method("OPTIONS")) { sl_send_reply("200", "Up"); exit; }
    t_check_trans();
    if (!pv_proxy_authenticate("trunk", "s3cr3t", "0")) { proxy_challenge("trunk", "1"); exit; }
    consume_credentials();
    record_route();
    t_relay();
}
"""


class Side:
    """One end: it listens to the proxy alone."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[SipEvent] = asyncio.Queue()
        self.calls: asyncio.Queue[SipCall] = asyncio.Queue()

    async def open(self, proxy: Address) -> "Side":
        self.endpoint = await SipEndpoint.open(
            "127.0.0.1", 0, on_invite=self._invited, accepts=lambda source: source == proxy
        )
        return self

    def _invited(self, call: SipCall) -> None:
        call.on_event = self.told.put_nowait
        self.calls.put_nowait(call)

    async def until(self, kind: type[SipEvent]) -> SipEvent:
        async with asyncio.timeout(WAIT_S):
            while not isinstance(event := await self.told.get(), kind):
                pass
            return event


@asynccontextmanager
async def _ends(folder: Path) -> AsyncIterator[tuple[Side, Side, Address]]:
    async with kamailio(folder, ROUTES, "maxfwd", "auth") as proxy:
        caller, callee = await Side().open(proxy), await Side().open(proxy)
        try:
            yield caller, callee, proxy
        finally:
            await caller.endpoint.close()
            await callee.endpoint.close()


def _dial(caller: Side, callee: Side, proxy: Address, password: str) -> SipCall:
    return caller.endpoint.invite(
        f"sip:100@127.0.0.1:{callee.endpoint.address[1]}",
        call_id="through-kamailio",
        caller="200",
        sdp=OFFER,
        to=proxy,
        on_event=caller.told.put_nowait,
        credentials=Credentials("ann", password),
    )


async def test_a_call_that_each_side_ends(tmp_path):
    async with _ends(tmp_path) as (caller, callee, proxy):
        for ends in ("caller", "callee"):
            made = _dial(caller, callee, proxy, "s3cr3t")
            async with asyncio.timeout(WAIT_S):
                taken = await callee.calls.get()
            assert not [name for name, _ in taken.headers if name == "proxy-authorization"]
            taken.ring()
            taken.answer(OFFER)
            await caller.until(Answered)
            await callee.until(Confirmed)
            (made if ends == "caller" else taken).hang_up()
            assert await (callee if ends == "caller" else caller).until(Ended) == Ended("remote", "BYE")


async def test_a_call_that_is_cancelled(tmp_path):
    async with _ends(tmp_path) as (caller, callee, proxy):
        made = _dial(caller, callee, proxy, "s3cr3t")
        async with asyncio.timeout(WAIT_S):
            (await callee.calls.get()).ring()
        made.cancel()
        assert await callee.until(Ended) == Ended("remote", "CANCEL")
        assert await caller.until(Ended) == Ended("local", "cancelled")


async def test_a_wrong_password_reaches_nobody(tmp_path):
    async with _ends(tmp_path) as (caller, callee, proxy):
        _dial(caller, callee, proxy, "guess")
        refused = await caller.until(Rejected)
        assert isinstance(refused, Rejected) and refused.status == 407 and callee.calls.empty()


async def test_a_transfer_is_asked_for_through_it(tmp_path):
    """REFER and its NOTIFYs take the routes of the call, in both directions; each is asked once."""
    async with _ends(tmp_path) as (caller, callee, proxy):
        made = _dial(caller, callee, proxy, "s3cr3t")
        async with asyncio.timeout(WAIT_S):
            taken = await callee.calls.get()
        taken.answer(OFFER)
        await caller.until(Answered)
        for asks, asked, told in ((taken, made, callee), (made, taken, caller)):
            referrals: asyncio.Queue[Referral] = asyncio.Queue()

            def permit(referral: Referral, to: asyncio.Queue[Referral] = referrals) -> int:
                to.put_nowait(referral)
                return 202

            asked.on_refer = permit
            asks.refer("sip:desk@127.0.0.1:9")
            async with asyncio.timeout(WAIT_S):
                referral = await referrals.get()
            assert referral.target == "sip:desk@127.0.0.1:9" and referral.by
            heard = asyncio.Event()
            referral.tell(486, "Busy Here", heard.set)
            assert await told.until(Referred) == Referred(486, "Busy Here")
            async with asyncio.timeout(WAIT_S):
                await heard.wait()
        made.hang_up()
        assert await callee.until(Ended) == Ended("remote", "BYE")
