"""SMPP with programs of other people: npm's `smpp` as the SMSC, and Kannel as the client of ours."""

import asyncio
from contextlib import AsyncExitStack
from urllib.parse import parse_qs, urlsplit

import pytest
from kannel import kannel
from test_carriers_smpp import OURS, THEIRS, linked, until

from bench._smsc import NodeSmsc
from callwright.ports.carrier import InDoubt, NotNow, NotStored, OutboundText, Receipt, ReceivedText, Refused, Taken
from callwright.providers.carriers import smpp_link
from callwright.sms import smpp
from callwright.sms.segments import split
from callwright.sms.smpp_texts import Part, decoded, encoded, header_of, parted
from callwright.testing.receiver import Receiver
from callwright.testing.smsc import Smsc
from tests.tls import Authority

pytestmark = pytest.mark.interop

BODIES = ["Hello @ £$ {[~]} €", "Grüße: äöüß ÄÖÜ", "Здравствуй, мир", "👋 and more", "x" * 160, "€" * 80]


def text(body: str, **more) -> OutboundText:
    return OutboundText("a" * 32, THEIRS, OURS, body, split(body).encoding, **more)


class TestNodeSmsc:
    async def test_texts_in_every_alphabet(self):
        async with NodeSmsc() as smsc:
            async with linked(smsc.settings()) as (link, kept):
                answers = [await link.send(text(body)) for body in BODIES]
                await until(lambda: len(kept) == len(BODIES))
            await smsc.until(lambda one: "unbound" in one)
        taken = smsc.all("submitted")
        assert [one["submitted"] for one in taken] == BODIES
        assert [one["data_coding"] for one in taken] == [0, 0, 8, 8, 0, 0]
        assert {(one["source"], one["source_ton"], one["destination"]) for one in taken} == {(OURS, 1, THEIRS)}
        assert {one["registered_delivery"] for one in taken} == {1} and smsc.all("bound")[0]["version"] == 0x34
        assert answers == [Taken(str(number)) for number in range(1, 7)]
        assert sorted(kept, key=lambda one: one.carrier_message_id) == [
            Receipt(str(number), "delivered") for number in range(1, 7)
        ]

    @pytest.mark.parametrize("body", ["long €" * 80, "долго " * 30])
    async def test_parts(self, body):
        segments = split(body, concatenated=True)
        count = len(segments.parts)
        async with NodeSmsc() as smsc:
            async with linked(smsc.settings()) as (link, _):
                for part, words in enumerate(segments.parts, 1):
                    more = {"part": part, "parts": count, "reference": 0x1234, "concatenated": True}
                    assert isinstance(await link.send(text(words, **more)), Taken)
            async with linked(smsc.settings(concatenation="sar")) as (link, _):
                assert isinstance(await link.send(text(segments.parts[0], **(more | {"part": 1}))), Taken)
            await smsc.stats()
        *parts, last = smsc.all("submitted")
        assert "".join(part["submitted"] for part in parts) == body
        assert [part["udh"] for part in parts] == [f"000334{count:02x}{part:02x}" for part in range(1, count + 1)]
        assert last["sar"] == [0x1234, 1, count] and not last["udh"]

    @pytest.mark.parametrize("by", ["text", "tlv"])
    @pytest.mark.parametrize(
        ("state", "delivery"), [("DELIVRD", "delivered"), ("UNDELIV", "undelivered"), ("EXPIRED", "undelivered")]
    )
    async def test_receipts(self, by, state, delivery):
        async with NodeSmsc() as smsc, linked(smsc.settings()) as (link, kept):
            await smsc.way(by=by, state=state)
            await link.send(text("Hi"))
            await until(lambda: kept)
            assert (kept[0].carrier_message_id, kept[0].delivery) == ("1", delivery)
            assert kept[0].reason.startswith(state) or delivery == "delivered"

    @pytest.mark.parametrize(
        ("status", "answer"), [(smpp.RTHROTTLED, NotNow), (smpp.RMSGQFUL, NotNow), (0x0B, Refused), (0x0412, Refused)]
    )
    async def test_errors(self, status, answer):
        async with NodeSmsc() as smsc, linked(smsc.settings()) as (link, _):
            await smsc.way(status=status, times=1)
            found = await link.send(text("Hi"))
            assert isinstance(found, answer) and found.reason == smpp.said(status)
            assert isinstance(await link.send(text("Hi")), Taken)

    async def test_a_link_that_drops(self, monkeypatch):
        monkeypatch.setattr(smpp_link, "BACK_OFF_S", 0.05)
        async with NodeSmsc() as smsc, linked(smsc.settings()) as (link, _):
            await smsc.way(silent=True)
            sending = [asyncio.create_task(link.send(text(f"text {number}"))) for number in range(5)]
            async with asyncio.timeout(10):
                while (await smsc.stats())["submitted"] < 5:
                    pass
            smsc.drop()
            assert all(isinstance(answer, InDoubt) for answer in await asyncio.gather(*sending))
            await smsc.way(silent=False)
            await smsc.until(lambda one: len(smsc.all("bound")) == 2)
            await link.ready()
            assert isinstance(await link.send(text("again")), Taken)
            assert (await smsc.stats())["submitted"] == 6

    async def test_texts_of_handsets(self):
        async with NodeSmsc() as smsc, linked(smsc.settings()) as (_, kept):
            for body in BODIES[:4]:
                coding = 0 if split(body).encoding == "gsm7" else 8
                assert await smsc.deliver(body, data_coding=coding) == smpp.ROK
            assert await smsc.deliver("two", udh=header_of(Part(5, 2, 2)).hex()) == smpp.ROK
            sar = {"sar_msg_ref_num": 5, "sar_total_segments": 2, "sar_segment_seqnum": 1}
            assert await smsc.deliver("one", **sar) == smpp.ROK
        assert kept == [
            *(ReceivedText("", OURS, THEIRS, body) for body in BODIES[:4]),
            ReceivedText("", OURS, THEIRS, "two", 2, 2, 5),
            ReceivedText("", OURS, THEIRS, "one", 1, 2, 5),
        ]

    async def test_what_is_not_kept_is_told_again(self):
        tries = []

        async def store(what):
            tries.append(what)
            if len(tries) < 3:
                raise NotStored("no room", again=True)

        async with NodeSmsc() as smsc, linked(smsc.settings(), store) as (link, _):
            await link.send(text("Hi"))
            await until(lambda: len(tries) == 3)
            await until(lambda: link)
            stats = await smsc.stats()
        assert (stats["acknowledged"], stats["again"]) == (1, 2) and set(tries) == {Receipt("1", "delivered")}

    async def test_a_wrong_password(self, monkeypatch, caplog):
        monkeypatch.setattr(smpp_link, "BACK_OFF_S", 0.05)
        async with NodeSmsc() as smsc, linked(smsc.settings(password="wrong"), ready=False):
            await until(lambda: caplog.text.count("refused the bind with 0x0000000D ESME_RBINDFAIL") > 1)
        assert not smsc.all("bound")

    async def test_over_tls(self, tmp_path):
        authority = Authority(tmp_path)
        cert, key = authority.issue("smsc")
        settings = {"tls": True, "tls_ca": authority.ca.read_text()}
        async with NodeSmsc(cert=str(cert), key=str(key)) as smsc, linked(smsc.settings(**settings)) as (link, kept):
            assert isinstance(await link.send(text("Hi")), Taken)
            await until(lambda: kept)
            assert await smsc.deliver("Hi") == smpp.ROK


class TestKannel:
    """A client of other people reads what our SMSC writes, and writes what it reads; both speak with the code of the link."""

    async def test_both_ways(self, tmp_path):
        async with AsyncExitStack() as stack:
            receiver, smsc = await stack.enter_async_context(Receiver()), await stack.enter_async_context(Smsc())
            url = receiver.url().rstrip("/")
            peer = await stack.enter_async_context(kannel(tmp_path, smsc=smsc.port, url=url))
            await smsc.until(lambda: smsc.binds == 1, timeout_s=30)
            await peer.send(**{"from": OURS, "to": THEIRS, "text": "Hello @ {€}", "charset": "UTF-8"})
            await peer.send(**{"from": OURS, "to": THEIRS, "text": "Здравствуй", "charset": "UTF-8", "coding": "2"})
            await peer.send(**{"from": OURS, "to": THEIRS, "text": "long " * 80})
            await smsc.until(lambda: len(smsc.submitted) == 5, timeout_s=30)
            # Two of each text: that the SMSC has it (8), and that the handset has it (1).
            receipts = await receiver.wait_for("/receipt", count=6, timeout_s=30)
            assert await smsc.text(THEIRS, OURS, *_wire("Grüße [€]")) == smpp.ROK
            coding, characters = encoded("Привет", "ucs2", "gsm7")
            assert await smsc.text(THEIRS, OURS, characters, data_coding=coding) == smpp.ROK
            for part, body in ((2, "second"), (1, "first ")):
                wire = header_of(Part(3, part, 2)) + _wire(body)[0]
                assert await smsc.text(THEIRS, OURS, wire, esm_class=0x40) == smpp.ROK
            texts = await receiver.wait_for("/text", count=3, timeout_s=30)
        assert sorted(one.path.rpartition("=")[2] for one in receipts) == ["1"] * 3 + ["8"] * 3
        told = [parse_qs(urlsplit(one.path).query, encoding="latin-1") for one in texts]
        assert {one["from"][0].strip().lstrip("+") for one in told} == {THEIRS}
        said = {one["body"][0].encode("latin-1").decode(one["charset"][0]) for one in told}
        assert said == {"Grüße [€]", "Привет", "first second"}
        parts = [parted(message) for message in smsc.submitted]
        bodies = [
            decoded(message.data_coding, characters, "gsm7")
            for message, (_, characters) in zip(smsc.submitted, parts, strict=True)
        ]
        assert bodies[:2] == ["Hello @ {€}", "Здравствуй"]
        assert [part and (part.part, part.parts) for part, _ in parts] == [None, None, (1, 3), (2, 3), (3, 3)]
        assert "".join(bodies[2:]) == "long " * 80


def _wire(body: str) -> tuple[bytes]:
    return (encoded(body, "gsm7", "gsm7")[1],)
