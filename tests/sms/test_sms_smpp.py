"""SMPP as bytes: units, texts in their alphabets and parts, and receipts as SMSCs write them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.base.errors import PeerError
from callwright.sms import smpp
from callwright.sms.segments import split
from callwright.sms.smpp import Address, Bind, Pdu, ShortMessage
from callwright.sms.smpp_texts import (
    Part,
    decoded,
    encoded,
    header_of,
    is_receipt,
    parameters_of,
    parted,
    receipt,
)

pytestmark = pytest.mark.pure

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=15)
US, THEM = Address("12435678910"), Address("12125550101")


class TestUnits:
    def test_a_bind_as_the_book_has_it(self):
        # §4.1.5, written by hand.
        body = bytes.fromhex("636c69656e740073656372657400564d53003400005e3100")
        assert Bind("client", "secret", "VMS", Address("^1", 0, 0)).encode() == body
        assert Bind.decode(body) == Bind("client", "secret", "VMS", Address("^1", 0, 0))

    def test_a_text_as_the_book_has_it(self):
        unit = Pdu(smpp.SUBMIT_SM, 0, 7, ShortMessage(Address("12", 3, 8), Address("345", 1, 1), b"hi", 0, 1).encode())
        wire = unit.encode()
        assert wire.hex() == (
            "00000028" "00000004" "00000000" "00000007" "00" "0308313200" "010133343500" "000000" "00" "00" "01" "00" "00" "00"
            "02" "6869"
        )  # fmt: skip
        size, head = smpp.header(wire[:16])
        assert size == len(wire) - 16 and head == Pdu(smpp.SUBMIT_SM, 0, 7)

    @given(
        source=NAMES, body=st.binary(max_size=600), tlvs=st.dictionaries(st.integers(0, 0x3FF), st.binary(max_size=70))
    )
    def test_there_and_back(self, source, body, tlvs):
        message = ShortMessage(Address(source, 5, 0), THEM, body, 0x40, 1, 8, "CMT", tlvs)
        assert ShortMessage.decode(message.encode()) == message

    @given(st.binary(max_size=200))
    def test_noise_is_an_error_and_nothing_else(self, noise):
        for decode in (ShortMessage.decode, Bind.decode, smpp.message_id):
            with contextlib.suppress(PeerError):
                decode(noise)

    @pytest.mark.parametrize("length", [0, 15, smpp.PDU_BYTES_MAX + 1, 0xFFFFFFFF])
    def test_a_length_that_cannot_be(self, length):
        with pytest.raises(PeerError, match=str(length)):
            smpp.header(length.to_bytes(4, "big") + bytes(12))

    def test_statuses_have_names_and_need_none(self):
        assert smpp.said(0x58) == "0x00000058 ESME_RTHROTTLED"
        assert smpp.said(0x0412) == "0x00000412"

    def test_an_answer_without_a_message_id(self):
        assert smpp.message_id(b"") == smpp.message_id(b"\0") == ""
        assert smpp.message_id(b"abc\0") == "abc"


class TestCharacters:
    @pytest.mark.parametrize(
        ("text", "coding", "wire"),
        [
            ("Hi @ {€}", 0, "486920002 01b281b651b29".replace(" ", "")),
            ("Grüße", 0, "47727e1e65"),
            ("Здравствуй", 8, "04170434044004300432044104420432044304 39".replace(" ", "")),
            ("👋", 8, "d83ddc4b"),
        ],
    )
    def test_known(self, text, coding, wire):
        found = encoded(text, split(text).encoding, "gsm7")
        assert found == (coding, bytes.fromhex(wire))
        assert decoded(*found, "gsm7") == text

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=70), st.sampled_from(["gsm7", "latin1"]))
    def test_there_and_back(self, text, default):
        coding, wire = encoded(text, split(text).encoding, default)
        assert decoded(coding, wire, default) == text

    def test_an_smsc_of_latin_1(self):
        assert encoded("Grüße @", "gsm7", "latin1") == (3, "Grüße @".encode("latin-1"))
        assert encoded("5 €", "gsm7", "latin1") == (8, "5 €".encode("utf-16-be"))
        assert decoded(0, b"Gr\xfc\xdfe", "latin1") == "Grüße"

    @pytest.mark.parametrize(
        ("coding", "wire", "text"),
        [
            (1, b"plain", "plain"),
            (3, b"caf\xe9", "café"),
            (6, b"\xbf\xe0", "Пр"),
            (0xF0, b"\x00", "@"),
            (0xF4, b"\xe9", "é"),
            (0x11, b"\x00", "@"),
            (0x18, b"\x04\x17", "З"),
            (8, b"\x04", "\ufffd"),
            (0x77, b"odd", "odd"),
        ],
    )
    def test_other_codings(self, coding, wire, text):
        assert decoded(coding, wire, "gsm7") == text


class TestParts:
    @given(st.integers(0, 0xFFFF), st.integers(2, 255), st.data())
    def test_there_and_back(self, reference, parts, data):
        part = Part(reference, data.draw(st.integers(1, parts)), parts)
        by_parameters = ShortMessage(US, THEM, b"text", tlvs=parameters_of(part))
        assert parted(by_parameters) == (part, b"text")
        by_header = ShortMessage(US, THEM, header_of(part) + b"text", smpp.UDH_INDICATOR)
        assert parted(by_header) == (Part(reference & 0xFF, part.part, parts), b"text")

    def test_a_full_part_fits_with_its_header(self):
        for text in ("x" * 400, "€" * 400, "З" * 400):
            segments = split(text, concatenated=True)
            for at, body in enumerate(segments.parts, 1):
                wire = header_of(Part(1, at, len(segments.parts))) + encoded(body, segments.encoding, "gsm7")[1]
                assert len(wire) <= (6 + 153 if segments.encoding == "gsm7" else 140)

    @pytest.mark.parametrize(
        ("header", "part"),
        [
            ("0608041234" "0302", Part(0x1234, 2, 3)),
            ("0a 0504 0b84 23f0 0003 ab", None),
            ("0b 0504 0b8423f0 0003 ab 02 01", Part(0xAB, 1, 2)),
            ("050003ab0000", None),
            ("050003ab0203", None),
            ("050003ab0100", None),
            ("00", None),
        ],
    )  # fmt: skip
    def test_headers(self, header, part):
        assert parted(ShortMessage(US, THEM, bytes.fromhex(header) + b"z", smpp.UDH_INDICATOR))[0] == part

    def test_a_header_that_is_longer_than_all(self):
        with pytest.raises(PeerError, match="longer"):
            parted(ShortMessage(US, THEM, b"\xffabc", smpp.UDH_INDICATOR))


def _receipt(text: str, **tlvs: bytes) -> ShortMessage:
    tags = {"message_id": smpp.TAG_RECEIPTED_MESSAGE_ID, "state": smpp.TAG_MESSAGE_STATE}
    return ShortMessage(THEM, US, text.encode(), 0x04, tlvs={tags[name]: value for name, value in tlvs.items()})


class TestReceipts:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (
                "id:0123456789 sub:001 dlvrd:001 submit date:2611251200 done date:2611251201 stat:DELIVRD err:000 text:Hello",
                ("0123456789", "DELIVRD", "000", "delivered"),
            ),
            ("id:a-b_c stat:UNDELIV err:00A Text:id:other stat:DELIVRD", ("a-b_c", "UNDELIV", "00A", "undelivered")),
            ("ID:7 STAT:EXPIRED ERR:1", ("7", "EXPIRED", "1", "undelivered")),
            ("id:7 stat:REJECTED", ("7", "REJECTED", "", "undelivered")),
            ("id:7 stat:UNKNOWN err:0", ("7", "UNKNOWN", "0", "unconfirmed")),
            ("id:7 stat:NEWWORD err:0", ("7", "NEWWORD", "0", "unconfirmed")),
            ("id:7 stat:ENROUTE err:0", ("7", "ENROUTE", "0", "")),
            ("id:7 stat:ACCEPTED err:0", ("7", "ACCEPTED", "0", "")),
        ],
    )
    def test_by_their_text(self, text, told):
        found = receipt(_receipt(text))
        assert (found.message_id, found.state, found.error, found.delivery) == told

    def test_parameters_count_before_the_text(self):
        found = receipt(_receipt("id:1 stat:ENROUTE err:042", message_id=b"00ff\0", state=b"\x05"))
        assert (found.message_id, found.state, found.error, found.delivery) == ("00ff", "UNDELIV", "042", "undelivered")

    @pytest.mark.parametrize(
        "text", ["", "Hello", "id: stat:", "stat:DELIVRD", "id:1", "id:" + "9" * 80 + " stat:DELIVRD"]
    )
    def test_what_tells_nothing(self, text):
        with pytest.raises(PeerError, match="receipt"):
            receipt(_receipt(text))

    @pytest.mark.parametrize(
        ("esm_class", "tlvs", "held"),
        [
            (0x04, {}, True),
            (0x44, {}, True),
            (0x20, {}, True),
            (0x00, {}, False),
            (0x40, {}, False),
            (0x08, {}, False),
            (0x00, {smpp.TAG_RECEIPTED_MESSAGE_ID: b"1", smpp.TAG_MESSAGE_STATE: b"\x02"}, True),
            (0x00, {smpp.TAG_RECEIPTED_MESSAGE_ID: b"1"}, False),
        ],
    )
    def test_which_are_receipts(self, esm_class, tlvs, held):
        assert is_receipt(ShortMessage(THEM, US, b"x", esm_class, tlvs=tlvs)) == held
