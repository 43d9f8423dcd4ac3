"""The link to an SMSC: what goes out, what comes in, and what becomes of both when the link does not last."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import pytest
from pydantic import ValidationError

from callwright.ports.carrier import InDoubt, NotNow, NotStored, OutboundText, Receipt, ReceivedText, Refused, Taken
from callwright.providers.carriers import smpp_link
from callwright.providers.carriers.account import Surroundings
from callwright.providers.carriers.smpp import Smpp
from callwright.providers.http import GuardedClient
from callwright.sms import smpp
from callwright.sms.smpp_texts import Part, header_of, parameters_of
from callwright.testing.smsc import Reply, Smsc
from tests.tls import Authority

OURS, THEIRS = "12435678910", "12125550101"
TEXT = OutboundText("e7f41fdc813d481081ec2840d68838b5", THEIRS, OURS, "Fünf @ €", "gsm7")


def account(**more) -> Smpp:
    return Smpp.model_validate({"type": "smpp", "host": "sms.test", "system_id": "me", "password": "pw", **more})


@asynccontextmanager
async def linked(settings, store=None, *, loopback=True, ready=True):
    """A link that runs; `store` keeps what it tells, by default in the list that comes with it."""
    kept = []

    async def keep(what):
        kept.append(what)

    http = GuardedClient((), loopback)
    link = account(**settings).link(Surroundings(http, ""))
    running = asyncio.create_task(link.run(store or keep))
    try:
        if ready:
            async with asyncio.timeout(10):
                await link.ready()
        yield link, kept
    finally:
        running.cancel()
        await asyncio.wait([running])
        await http.aclose()


async def until(done) -> None:
    async with asyncio.timeout(10):
        while True:
            if done():
                return
            await asyncio.sleep(0.01)


@pytest.fixture
def quick(monkeypatch):
    """Tries again at once, and waits a second for answers."""
    monkeypatch.setattr(smpp_link, "BACK_OFF_S", 0.05)
    monkeypatch.setattr(smpp_link, "ANSWER_S", 1.0)


@pytest.mark.pure
class TestSettings:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"host": ""}, "host"),
            ({"host": "sms.test/x"}, "host"),
            ({"port": 0}, "port"),
            ({"port": 65536}, "port"),
            ({"system_id": ""}, "system_id"),
            ({"system_id": "a" * 16}, "system_id"),
            ({"system_id": "ü"}, "system_id"),
            ({"password": "a" * 65}, "password"),
            ({"password": "a\0b"}, "password"),
            ({"system_type": "a" * 13}, "system_type"),
            ({"window": 0}, "window"),
            ({"window": 201}, "window"),
            ({"enquire_link_s": 0}, "enquire_link_s"),
            ({"source_ton": 7}, "source_ton"),
            ({"destination_npi": 19}, "destination_npi"),
            ({"default_alphabet": "ebcdic"}, "default_alphabet"),
            ({"tls_ca": "no certificate"}, "tls_ca"),
            ({"not_mobile_errors": ["a b"]}, "not_mobile_errors"),
            ({"nickname": "x"}, "nickname"),
        ],
    )
    def test_bad_ones_are_named(self, change, told):
        with pytest.raises(ValidationError, match=told):
            account(**change)

    def test_the_password_is_in_no_text(self):
        assert Smpp.secrets == ("password",)
        link = account(password="hush-hush").link(Surroundings(GuardedClient((), False), ""))
        assert "hush-hush" not in repr(link)


@pytest.mark.wire
class TestSending:
    async def test_taken_with_what_the_settings_say(self):
        async with Smsc() as smsc:
            settings = smsc.settings(source_ton=3, source_npi=0, destination_npi=8, service_type="CMT")
            async with linked(settings) as (link, kept):
                assert await link.send(TEXT) == Taken("1")
                await smsc.until(lambda: len(kept) == 1)
        (message,) = smsc.submitted
        assert message.text == b"F~nf \x00 \x1be" and message.data_coding == 0 and message.registered_delivery == 1
        assert (message.source.number, message.source.ton, message.source.npi) == (OURS, 3, 0)
        assert (message.destination.number, message.destination.npi, message.service_type) == (THEIRS, 8, "CMT")
        assert kept == [Receipt("1", "delivered")]

    @pytest.mark.parametrize("concatenation", ["udh", "sar"])
    async def test_joined_parts(self, concatenation):
        text = OutboundText("a" * 32, THEIRS, OURS, "З", "ucs2", 2, 3, 0xABCD, True)
        async with Smsc() as smsc, linked(smsc.settings(concatenation=concatenation)) as (link, _):
            await link.send(text)
        (message,) = smsc.submitted
        part = Part(0xABCD, 2, 3)
        if concatenation == "udh":
            assert (message.text, message.esm_class) == (header_of(part) + b"\x04\x17", 0x40)
        else:
            assert (message.text, message.esm_class, message.tlvs) == (b"\x04\x17", 0, parameters_of(part))

    @pytest.mark.parametrize(
        ("status", "answer"),
        [
            (smpp.RTHROTTLED, NotNow),
            (smpp.RMSGQFUL, NotNow),
            (smpp.RSYSERR, NotNow),
            (0x0B, Refused),
            (0x0402, Refused),
        ],
    )
    async def test_what_statuses_mean(self, status, answer):
        settings = {"not_mobile_errors": ["402"]}
        async with Smsc(lambda _: Reply(status)) as smsc, linked(smsc.settings(**settings)) as (link, _):
            found = await link.send(TEXT)
        assert type(found) is answer and found.reason == smpp.said(status)
        assert not isinstance(found, Refused) or found.not_mobile == (status == 0x0402)

    async def test_throttled_for_longer_each_time_it_says_so(self, monkeypatch):
        now = [1000.0]
        monkeypatch.setattr(smpp_link.time, "monotonic", lambda: now[0])
        status = [smpp.RTHROTTLED]
        async with Smsc(lambda _: Reply(status[0], receipt="")) as smsc, linked(smsc.settings()) as (link, _):
            waits = []
            for _ in range(7):
                both = await asyncio.gather(link.send(TEXT), link.send(TEXT))
                assert both[0].wait_s == both[1].wait_s, "what goes at once is throttled at once"
                waits.append(both[0].wait_s)
                now[0] += both[0].wait_s
            assert waits == [1, 2, 4, 8, 16, 30, 30]
            status[0] = smpp.ROK
            assert isinstance(await link.send(TEXT), Taken)
            status[0] = smpp.RMSGQFUL
            assert (await link.send(TEXT)).wait_s == 1

    @pytest.mark.parametrize(("base", "expected"), [("same", "0F"), ("decimal", "15"), ("hexadecimal", "0F")])
    async def test_ids_in_another_base(self, base, expected):
        way = account(receipt_ids=base).link(Surroundings(GuardedClient((), False), ""))._way
        assert way.answered(smpp.Pdu(0x80000004, 0, 1, b"0F\0")) == Taken(expected)


@pytest.mark.wire
class TestLosses:
    async def test_a_link_that_drops_leaves_the_text_in_doubt(self, quick):
        replies = [Reply(drops=True), Reply()]
        async with Smsc(lambda _: replies.pop(0)) as smsc, linked(smsc.settings()) as (link, _):
            answer = await link.send(TEXT)
            assert isinstance(answer, InDoubt) and "lost before it answered" in answer.reason
            await smsc.until(lambda: smsc.binds == 2)
            await link.ready()
            assert isinstance(await link.send(TEXT), Taken)
        assert len(smsc.submitted) == 2

    async def test_no_answer_leaves_it_in_doubt_and_the_link_up(self, quick):
        replies = [Reply(silent=True), Reply()]
        async with Smsc(lambda _: replies.pop(0)) as smsc, linked(smsc.settings()) as (link, _):
            assert await link.send(TEXT) == InDoubt("the SMSC did not answer within 1 s")
            assert isinstance(await link.send(TEXT), Taken)
            assert smsc.binds == 1

    async def test_while_it_is_down_nothing_goes_out(self, quick):
        async with Smsc() as smsc:
            port = smsc.port
            async with linked(smsc.settings()) as (link, _):
                smsc.drop()
                await smsc.__aexit__(None, None, None)
                # In doubt while the loss is not known here, and then certainly not sent.
                while not isinstance(answer := await link.send(TEXT), NotNow):
                    assert isinstance(answer, InDoubt)
                assert answer.reason == "the link to the SMSC is down"
                async with Smsc(port=port) as again:
                    await link.ready()
                    assert isinstance(await link.send(TEXT), Taken)
                assert len(again.submitted) == 1

    async def test_an_smsc_that_says_nothing_more(self, quick):
        async with Smsc() as smsc, linked(smsc.settings(enquire_link_s=1)) as (link, _):
            smsc.mute()
            await smsc.until(lambda: smsc.binds == 2)
            await link.ready()

    async def test_an_smsc_that_ends_the_link(self, quick):
        async with Smsc() as smsc, linked(smsc.settings()):
            await smsc.unbind()
            await smsc.until(lambda: smsc.binds == 2)

    async def test_a_wrong_password_is_tried_again_and_told_to_nobody(self, quick, caplog):
        async with Smsc() as smsc, linked(smsc.settings(password="hush-hush"), ready=False):
            await until(lambda: "refused the bind with 0x0000000D ESME_RBINDFAIL" in caplog.text)
            assert smsc.binds == 0
        assert "hush-hush" not in caplog.text

    async def test_it_takes_its_leave(self):
        async with Smsc() as smsc:
            async with linked(smsc.settings()):
                pass
            assert smsc.clients == 0

    async def test_our_own_network_is_not_reached_for_strangers(self, quick, caplog):
        async with Smsc() as smsc, linked(smsc.settings(), loopback=False, ready=False):
            await until(lambda: "is at the private address 127.0.0.1; allow it with --allow-url" in caplog.text)
            assert smsc.binds == 0

    async def test_over_tls(self, tmp_path, quick, caplog):
        authority = Authority(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*authority.issue("smsc"))
        async with Smsc(tls=context) as smsc:
            settings = smsc.settings(tls=True, tls_ca=authority.ca.read_text())
            async with linked(settings) as (link, _):
                assert isinstance(await link.send(TEXT), Taken)
            async with linked(smsc.settings(tls=True), ready=False):
                await until(lambda: "certificate verify failed" in caplog.text)
            assert smsc.binds == 1


@pytest.mark.wire
class TestReceiving:
    async def test_texts(self):
        async with Smsc() as smsc, linked(smsc.settings()) as (_, kept):
            assert await smsc.text(f"+{THEIRS}", OURS, b"Gr\x7e\x1ee") == smpp.ROK
            assert await smsc.text("2125550101", OURS, b"\x04\x17", data_coding=8) == smpp.ROK
            part = Part(7, 2, 2)
            await smsc.text(THEIRS, OURS, header_of(part) + b"there", esm_class=0x40)
            await smsc.text(THEIRS, OURS, b"there", tlvs=parameters_of(Part(300, 1, 2)))
            await smsc.text(THEIRS, OURS, b"x" * 2000)
        assert kept == [
            ReceivedText("", OURS, THEIRS, "Grüße"),
            ReceivedText("", OURS, THEIRS, "З"),
            ReceivedText("", OURS, THEIRS, "there", 2, 2, 7),
            ReceivedText("", OURS, THEIRS, "there", 1, 2, 300),
            ReceivedText("", OURS, THEIRS, "x" * 2000),
        ]

    async def test_receipts(self):
        async with Smsc() as smsc, linked(smsc.settings(not_mobile_errors=["00b"])) as (_, kept):
            for state in ("DELIVRD", "ENROUTE", "UNDELIV", "UNKNOWN"):
                assert await smsc.receipt("9", state) == smpp.ROK
            landline = b"id:9 stat:REJECTD err:00B"
            await smsc.text(THEIRS, OURS, landline, esm_class=0x04)
        assert sorted(kept, key=lambda one: (one.delivery, one.reason)) == [
            Receipt("9", "delivered"),
            Receipt("9", "unconfirmed", "UNKNOWN 000"),
            Receipt("9", "undelivered", "REJECTD 00B", not_mobile=True),
            Receipt("9", "undelivered", "UNDELIV 000"),
        ]

    async def test_nothing_is_acknowledged_before_it_is_kept(self):
        begun, may = asyncio.Event(), asyncio.Event()

        async def store(what):
            begun.set()
            await may.wait()

        async with Smsc() as smsc, linked(smsc.settings(), store):
            telling = asyncio.create_task(smsc.text(THEIRS, OURS, b"Hi"))
            await begun.wait()
            # Another round trip on the same link comes back before.
            await smsc.unknown()
            assert not telling.done()
            may.set()
            assert await telling == smpp.ROK

    @pytest.mark.parametrize(("again", "status"), [(True, smpp.RX_T_APPN), (False, smpp.RX_P_APPN)])
    async def test_what_is_not_kept_is_not_acknowledged(self, again, status):
        async def store(what):
            raise NotStored("no room", again=again)

        async with Smsc() as smsc, linked(smsc.settings(), store):
            assert await smsc.text(THEIRS, OURS, b"Hi") == status
            assert await smsc.receipt("9", "DELIVRD") == status

    @pytest.mark.parametrize(
        ("sender", "body", "more"),
        [("BANK", b"Hi", {}), (THEIRS, b"\xffHi", {"esm_class": 0x40}), (THEIRS, b"no receipt", {"esm_class": 0x04})],
    )
    async def test_what_cannot_be_read(self, sender, body, more, caplog):
        async with Smsc() as smsc, linked(smsc.settings()) as (_, kept):
            assert await smsc.text(sender, OURS, body, **more) == smpp.RX_P_APPN
            assert await smsc.text(THEIRS, OURS, b"Hi") == smpp.ROK
        assert [one.body for one in kept] == ["Hi"] and "cannot be read" in caplog.text

    async def test_texts_keep_their_order(self):
        kept = []

        async def store(what):
            # The first takes longest.
            for _ in range(50 if what.body == "0" else 1):
                await asyncio.sleep(0)
            kept.append(what.body)

        async with Smsc() as smsc, linked(smsc.settings(), store):
            await asyncio.gather(*(smsc.text(THEIRS, OURS, b"%d" % number) for number in range(20)))
        assert kept == [str(number) for number in range(20)]

    async def test_what_is_no_smpp_ends_the_link(self, quick):
        async with Smsc() as smsc, linked(smsc.settings()):
            smsc.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await smsc.until(lambda: smsc.binds == 2)
