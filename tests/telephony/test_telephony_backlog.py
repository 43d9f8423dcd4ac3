"""More new calls than there is time for: those that are there go before them, and who would wait too long is turned away."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from sip_requests import invite

from callwright.sip.call import SipCall
from callwright.telephony.sip_backlog import LATE_S, REFUSED_KEPT_S, TURN_S, WAIT_S_MAX, Backlog
from callwright.telephony.sip_endpoint import SipEndpoint

HOST = "127.0.0.1"


class Loop:
    """A clock, and what is done soon."""

    def __init__(self) -> None:
        self.now = 100.0
        self.soon: list[Callable[[], None]] = []
        self.all_read = True
        self.served: list[int] = []
        self.too_late: list[int] = []
        self.backlog = Backlog(lambda: self.now, self.soon.append, lambda: self.all_read)

    def put(self, number: int, takes_s: float = 0.0) -> None:
        def serve(too_late: bool) -> None:
            self.now += takes_s
            (self.too_late if too_late else self.served).append(number)

        self.backlog.come(number, serve)

    def turn(self) -> list[int]:
        """Who is served in one turn."""
        before = len(self.served)
        due, self.soon[:] = list(self.soon), []
        for one in due:
            one()
        return self.served[before:]


@pytest.mark.pure
class TestLine:
    def test_who_came_first_is_served_first_as_long_as_a_turn_lasts(self):
        loop = Loop()
        for number in range(5):
            loop.put(number, takes_s=TURN_S / 2)
        assert [loop.turn(), loop.turn(), loop.turn()] == [[0, 1], [2, 3], [4]]
        assert not loop.soon

    def test_one_a_turn_while_the_socket_has_more(self):
        loop = Loop()
        for number in range(3):
            loop.put(number)
        loop.all_read = False
        assert [loop.turn(), loop.turn()] == [[0], [1]]

    def test_it_is_late_when_the_first_has_waited_too_long(self):
        loop = Loop()
        loop.put(0)
        loop.now += LATE_S
        assert not loop.backlog.is_late
        loop.now += 0.001
        assert loop.backlog.is_late
        loop.turn()
        assert not loop.backlog.is_late

    def test_it_is_late_when_it_is_too_long_for_its_pace(self):
        loop = Loop()
        for number in range(200):
            loop.put(number, takes_s=0.004)
        while loop.soon:
            loop.turn()
        assert not loop.backlog.is_late
        for number in range(200, 400):
            loop.put(number)
            if loop.backlog.is_late:
                break
        assert number - 200 == pytest.approx(LATE_S / 0.004, abs=2)

    def test_one_long_pause_is_no_pace(self):
        loop = Loop()
        loop.put(0, takes_s=10)
        loop.turn()
        for number in range(100):
            loop.put(number)
        assert not loop.backlog.is_late

    def test_who_has_waited_until_a_peer_asks_again_is_not_served(self):
        """What it sent again may have been turned away."""
        loop = Loop()
        loop.put(0, takes_s=0.001)
        loop.put(1)
        loop.now += WAIT_S_MAX - 0.0005
        loop.turn()
        assert (loop.served, loop.too_late) == ([0], [1])

    def test_what_comes_again_is_served_once(self):
        loop = Loop()
        loop.put(0)
        loop.put(0)
        assert loop.turn() == [0] and not loop.soon
        loop.put(0)
        assert loop.turn() == [0], "whose transaction knows what to do"

    def test_who_was_turned_away_is_not_served_when_it_asks_again(self):
        """Its 503 may not have come yet."""
        loop = Loop()
        loop.put(0)
        loop.now += LATE_S + 0.001
        loop.put(1)
        assert loop.too_late == [1]
        loop.turn()
        loop.put(1)
        loop.put(2)
        assert loop.too_late == [1, 1] and loop.turn() == [2]
        loop.now += REFUSED_KEPT_S + 0.001
        loop.put(1)
        assert loop.turn() == [1]

    def test_a_repeat_in_the_socket_does_not_have_its_call_turned_away(self):
        """The loop was held up: an INVITE and its repeat are read at once."""
        loop = Loop()
        loop.put(0)
        loop.now += LATE_S + 0.001
        loop.put(0)
        assert (loop.turn(), loop.too_late) == ([0], [])

    @pytest.mark.parametrize(
        ("message", "stands"),
        [
            (b"INVITE sip:1@a SIP/2.0\r\nTo: <sip:1@a>\r\nFrom: <sip:2@a>;tag=b\r\n", True),
            (b"CANCEL sip:1@a SIP/2.0\r\nTo: <sip:1@a>\r\n", True),
            (b"INVITE sip:1@a SIP/2.0\r\nTo: <sip:1@a>;tag=c\r\n", False),
            (b"INVITE sip:1@a SIP/2.0\r\nt:<sip:1@a> ; Tag = c\r\n", False),
            (b"INVITE sip:1@a SIP/2.0\nto : <sip:1@a>;tag=c\n", False),
            (b"INVITE sip:1@a SIP/2.0\r\nt: <sip:1@a>\r\nf: <sip:2@a>;tag=b\r\n", True),
            (b"BYE sip:1@a SIP/2.0\r\nTo: <sip:1@a>\r\n", False),
            (b"SIP/2.0 200 OK\r\n", False),
        ],
    )
    def test_who_stands_in_line(self, message: bytes, stands: bool):
        assert Loop().backlog.takes(message) == stands

    def test_a_mistake_in_one_call_is_not_everybodys(self):
        loop = Loop()
        loop.backlog.come("mistake", lambda _: 1 / 0)
        loop.put(1)
        with pytest.raises(ZeroDivisionError):
            loop.turn()
        assert loop.turn() == [1]

    def test_a_call_that_begins_another_asks_for_one_turn_only(self):
        loop = Loop()
        loop.backlog.come("begins", lambda _: loop.put(1))
        loop.turn()
        assert loop.served == [1] and not loop.soon


@pytest.mark.wire
class TestEndpoint:
    async def test_who_would_wait_too_long_is_told_to_come_again(self):
        """And a stranger, who is told nothing, is not."""
        now, calls = [100.0], []
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        ):
            for one in (peer, stranger):
                one.bind((HOST, 0))
                one.setblocking(False)
            endpoint = await SipEndpoint.open(
                HOST,
                0,
                on_invite=calls.append,
                tells=lambda _, source: source == peer.getsockname(),
                clock=lambda: now[0],
            )
            endpoint.datagram_received(invite("first", peer.getsockname()), peer.getsockname())
            now[0] += LATE_S + 0.001
            endpoint.datagram_received(invite("second", stranger.getsockname()), stranger.getsockname())
            endpoint.datagram_received(invite("third", peer.getsockname()), peer.getsockname())
            answers = [await _answer(peer), await _answer(peer)]
            assert [line for line, _ in answers] == ["SIP/2.0 503 Service Unavailable", "SIP/2.0 100 Trying"]
            assert "Retry-After: 5" in answers[0][1] and "Call-ID: third" in answers[0][1]
            assert [call.call_id for call in calls] == ["first"] and endpoint.shed == 1
            endpoint.datagram_received(invite("third", peer.getsockname(), number=2), peer.getsockname())
            assert (await _answer(peer))[0] == "SIP/2.0 100 Trying", "the next one is welcome"
            with pytest.raises(BlockingIOError):
                stranger.recv(4096)
            await endpoint.close()

    async def test_a_cancel_does_not_pass_its_invite(self):
        ended: list[object] = []

        def take(call: SipCall) -> None:
            call.on_event = ended.append

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind((HOST, 0))
            peer.setblocking(False)
            endpoint = await SipEndpoint.open(HOST, 0, on_invite=take)
            endpoint.datagram_received(invite("one", peer.getsockname()), peer.getsockname())
            endpoint.datagram_received(invite("one", peer.getsockname(), method="CANCEL"), peer.getsockname())
            lines = [(await _answer(peer))[0] for _ in range(3)]
            assert lines == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]
            assert len(ended) == 1
            await endpoint.close()


async def _answer(peer: socket.socket) -> tuple[str, str]:
    """The next message: its first line, and all of it."""
    async with asyncio.timeout(10):
        text = (await asyncio.get_running_loop().sock_recv(peer, 4096)).decode()
    return text.partition("\r\n")[0], text
