"""Carriers over HTTP: the requests that they are sent, what their answers mean, and which of their requests are believed.

The payloads have the shapes of each carrier's documentation; numbers, ids and keys are made up.
"""

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from callwright.base.errors import PeerError
from callwright.ports.carrier import InDoubt, NotNow, OutboundText, Receipt, ReceivedText, Refused, Taken
from callwright.providers import carriers as _all  # noqa: F401 - registers them
from callwright.providers.carriers.account import REGISTRY
from callwright.providers.carriers.bandwidth import Bandwidth
from callwright.providers.carriers.generic import Generic
from callwright.providers.carriers.http_carrier import HttpLink, Webhook
from callwright.providers.carriers.telnyx import Telnyx
from callwright.providers.carriers.twilio import Twilio
from callwright.providers.carriers.vonage import Vonage
from callwright.providers.http import GuardedClient
from callwright.testing.receiver import Answer, Receiver

NOW = 1_790_000_000.0
TEXT = OutboundText("e7f41fdc813d481081ec2840d68838b5", "19998881234", "12435678910", 'Fünf & "six"', "gsm7")
STATUS_URL = "https://calls.test/carriers/7/status?token=x"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

TWILIO = Twilio(account_sid="AC1", auth_token="12345")
VONAGE = Vonage(api_key="k", api_secret="s", signature_secret="signed")
TELNYX = Telnyx(api_key="KEY1", public_key=PUBLIC)
BANDWIDTH = Bandwidth(
    account_id="55",
    application_id="app",
    api_token="t",
    api_secret="s",
    webhook_user="u",
    webhook_password="longenough",
)
GENERIC = Generic(
    url="https://sms.test/send?to={{ to }}",
    body='{"from": "{{ from }}", "text": "{{ body }}", "ref": "{{ id }}", "dlr": "{{ status_url }}"}',
    headers={"X-Key": "abc"},
    message_id="messages[0].id",
    webhook_secret="0123456789abcdef",
)
ALL = {"twilio": TWILIO, "vonage": VONAGE, "telnyx": TELNYX, "bandwidth": BANDWIDTH, "generic": GENERIC}


@pytest.mark.pure
def test_all_are_tried_here_and_hide_their_secrets():
    assert {*ALL, "loopback", "smpp"} == REGISTRY.keys()
    for kind in (*map(type, ALL.values()), REGISTRY["smpp"]):
        assert kind.__doc__ and kind.secrets and set(kind.secrets) <= kind.model_fields.keys()
        assert all(field.title for name, field in kind.model_fields.items() if name != "type")


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


@pytest.mark.pure
class TestCalls:
    def test_twilio(self):
        call = TWILIO.call(TEXT, STATUS_URL)
        assert call.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
        assert dict(call.headers)["Authorization"] == "Basic " + base64.b64encode(b"AC1:12345").decode()
        assert _form(call.body) == {
            "To": "+19998881234", "From": "+12435678910", "Body": TEXT.body, "StatusCallback": STATUS_URL
        }  # fmt: skip

    def test_vonage(self):
        form = _form(VONAGE.call(TEXT, STATUS_URL).body)
        assert form["type"] == "text" and form["text"] == TEXT.body and form["client-ref"] == TEXT.id
        unicode = OutboundText(TEXT.id, TEXT.to, TEXT.sender, "жук", "ucs2")
        assert _form(VONAGE.call(unicode, STATUS_URL).body)["type"] == "unicode"

    def test_telnyx(self):
        call = TELNYX.call(TEXT, STATUS_URL)
        assert json.loads(call.body) == {
            "from": "+12435678910", "to": "+19998881234", "text": TEXT.body, "webhook_url": STATUS_URL
        }  # fmt: skip
        assert dict(call.headers)["Authorization"] == "Bearer KEY1"

    def test_bandwidth(self):
        call = BANDWIDTH.call(TEXT, STATUS_URL)
        assert call.url.endswith("/api/v2/users/55/messages")
        assert json.loads(call.body)["to"] == ["+19998881234"] and json.loads(call.body)["tag"] == TEXT.id

    def test_generic_escapes_for_where_a_value_stands(self):
        call = GENERIC.call(TEXT, STATUS_URL)
        assert call.url == "https://sms.test/send?to=19998881234"
        assert json.loads(call.body)["text"] == TEXT.body and ("X-Key", "abc") in call.headers
        xml = GENERIC.model_copy(update={"media_type": "text/xml", "body": "<t>{{ body }}</t>"})
        assert xml.call(TEXT, STATUS_URL).body.decode() == '<t>Fünf &amp; "six"</t>'
        form = GENERIC.model_copy(update={"media_type": "application/x-www-form-urlencoded", "body": "t={{ body }}"})
        assert _form(form.call(TEXT, STATUS_URL).body) == {"t": TEXT.body}


_ANSWERS = [
    (TWILIO, 201, {"sid": "SM1", "status": "queued"}, Taken("SM1")),
    (TWILIO, 400, {"code": 21610, "message": "unsubscribed"}, Refused("21610 unsubscribed")),
    (TWILIO, 400, {"code": 21614, "message": "not mobile"}, Refused("21614 not mobile", not_mobile=True)),
    (TWILIO, 429, {"code": 20429, "message": "slow"}, NotNow("20429 slow")),
    (TWILIO, 503, {"code": 20503, "message": "down"}, NotNow("HTTP 503: 20503 down", 5.0)),
    (TWILIO, 500, {"code": 20500, "message": "oops"}, InDoubt("HTTP 500: 20500 oops")),
    (VONAGE, 200, {"messages": [{"status": "0", "message-id": "0A"}]}, Taken("0A")),
    (VONAGE, 200, {"messages": [{"status": "0", "message-id": "1"}, {"status": "0", "message-id": "2"}]}, Taken("2")),
    (VONAGE, 200, {"messages": [{"status": "1", "error-text": "Throttled"}]}, NotNow("1 Throttled")),
    (VONAGE, 200, {"messages": [{"status": "5", "error-text": "Internal"}]}, InDoubt("5 Internal")),
    (VONAGE, 200, {"messages": [{"status": "9", "error-text": "Quota"}]}, Refused("9 Quota")),
    (TELNYX, 200, {"data": {"id": "uuid"}}, Taken("uuid")),
    (
        TELNYX,
        403,
        {"errors": [{"code": "40300", "title": "Blocked", "detail": "stop"}]},
        Refused("40300 Blocked: stop"),
    ),
    (
        TELNYX,
        429,
        {"errors": [{"code": "10011", "title": "Many", "detail": "x"}]},
        NotNow("HTTP 429: 10011 Many: x", 1.0),
    ),
    (BANDWIDTH, 202, {"id": "159"}, Taken("159")),
    (BANDWIDTH, 400, {"type": "request-validation", "description": "bad"}, Refused("request-validation: bad")),
    (GENERIC, 200, {"messages": [{"id": 17}]}, Taken("17")),
    (GENERIC, 200, {"messages": []}, InDoubt("HTTP 200, and no message id in the answer")),
    (GENERIC, 404, {"error": "no"}, Refused('HTTP 404: {"error": "no"}')),
]


@pytest.mark.pure
@pytest.mark.parametrize(("carrier", "status", "said", "means"), _ANSWERS)
def test_what_an_answer_means(carrier, status, said, means):
    assert carrier.answer(status, json.dumps(said).encode()) == means


# -- webhooks --------------------------------------------------------------------------------------


def _posted(fields: dict[str, str], headers: dict[str, str] | None = None, url: str = STATUS_URL) -> Webhook:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return Webhook.of(url, {**kind, **(headers or {})}, urlencode(fields).encode())


def _json(body: object, headers: dict[str, str] | None = None) -> Webhook:
    return Webhook.of(STATUS_URL, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode())


def _vonage(fields: dict[str, str], secret: str = "signed") -> Webhook:
    fields = {"timestamp": str(int(NOW)), **fields}
    signed = "".join(f"&{name}={value}" for name, value in sorted(fields.items()))
    return _posted({**fields, "sig": hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest().upper()})


def _telnyx(body: object, *, at: float = NOW, key: Ed25519PrivateKey = KEY) -> Webhook:
    text = json.dumps(body).encode()
    signature = base64.b64encode(key.sign(str(int(at)).encode() + b"|" + text)).decode()
    return _json(body, {"telnyx-timestamp": str(int(at)), "telnyx-signature-ed25519": signature})


_BASIC = {"authorization": "Basic " + base64.b64encode(b"u:longenough").decode()}
_TELNYX = {"data": {"event_type": "message.received", "payload": {
    "id": "m1", "from": {"phone_number": "+19998881234"}, "to": [{"phone_number": "+12435678910"}], "text": "Hi"}}}  # fmt: skip


@pytest.mark.pure
class TestVerify:
    def test_twilio_by_the_example_of_its_documentation(self):
        url = "https://mycompany.com/myapp.php?foo=1&bar=2"
        fields = {
            "CallSid": "CA1234567890ABCDE",
            "Caller": "+14158675309",
            "Digits": "1234",
            "From": "+14158675309",
            "To": "+18005551212",
        }
        signature = {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
        assert TWILIO.verify(_posted(fields, signature, url), NOW)
        assert not TWILIO.verify(_posted({**fields, "Digits": "1235"}, signature, url), NOW)
        assert not TWILIO.verify(_posted(fields, signature, url + "3"), NOW)
        assert not TWILIO.verify(_posted(fields, {}, url), NOW)

    def test_vonage(self):
        assert VONAGE.verify(_vonage({"messageId": "1", "text": "a b"}), NOW)
        assert not VONAGE.verify(_vonage({"messageId": "1"}, "other"), NOW)
        assert not VONAGE.verify(_vonage({"messageId": "1"}), NOW + 301), "an old copy"
        assert not VONAGE.verify(_posted({"messageId": "1"}), NOW)

    def test_telnyx(self):
        assert TELNYX.verify(_telnyx(_TELNYX), NOW)
        assert not TELNYX.verify(_telnyx(_TELNYX, at=NOW - 301), NOW)
        assert not TELNYX.verify(_telnyx(_TELNYX, key=Ed25519PrivateKey.generate()), NOW)
        assert not TELNYX.verify(_json(_TELNYX, {"telnyx-timestamp": "x", "telnyx-signature-ed25519": "%"}), NOW)

    def test_bandwidth(self):
        assert BANDWIDTH.verify(_json([], _BASIC), NOW)
        assert not BANDWIDTH.verify(_json([]), NOW)
        assert not BANDWIDTH.verify(_json([], {"authorization": "Basic é"}), NOW)

    def test_generic(self):
        assert GENERIC.verify(_json({}, {"x-webhook-secret": "0123456789abcdef"}), NOW)
        assert not GENERIC.verify(_json({}, {"x-webhook-secret": "0123456789abcdee"}), NOW)
        signed = GENERIC.model_copy(update={"webhook_proof": "hmac-sha256"})
        proof = hmac.new(b"0123456789abcdef", b"{}", hashlib.sha256).hexdigest()
        assert signed.verify(_json({}, {"x-webhook-secret": proof}), NOW)
        assert not signed.verify(_json({"a": 1}, {"x-webhook-secret": proof}), NOW)


HI = ReceivedText("m1", "12435678910", "19998881234", "Hi")


def _finalized(status: str, errors: object = ()) -> Webhook:
    to = [{"phone_number": "+1", "status": status}]
    payload = {"id": "m1", "from": {"phone_number": "+1"}, "to": to, "errors": errors}
    return _json({"data": {"event_type": "message.finalized", "payload": payload}})


def _bandwidth(kind: str, **more: object) -> Webhook:
    message = {"id": "m1", "from": "+19998881234", "to": ["+12435678910"], "text": "Hi"}
    return _json([{"type": kind, "to": "+12435678910", "message": message, **more}])


@pytest.mark.pure
@pytest.mark.parametrize(
    ("carrier", "webhook", "told"),
    [
        (TWILIO, _posted({"MessageSid": "m1", "To": "+12435678910", "From": "+19998881234", "Body": "Hi"}), [HI]),
        (VONAGE, _vonage({"messageId": "m1", "to": "12435678910", "msisdn": "19998881234", "text": "Hi"}), [HI]),
        (VONAGE, _json({"messageId": "m1", "to": "12435678910", "msisdn": "19998881234", "text": "Hi"}), [HI]),
        (VONAGE, Webhook.of("https://x.test/?messageId=m1&to=12435678910&msisdn=19998881234&text=Hi", {}, b""), [HI]),
        (TELNYX, _json(_TELNYX), [HI]),
        (TELNYX, _finalized("delivered"), []),
        (BANDWIDTH, _bandwidth("message-received"), [HI]),
        (BANDWIDTH, _bandwidth("message-sending"), []),
        (GENERIC, _json({"id": "m1", "to": "2435678910", "from": "+19998881234", "body": "Hi"}), [HI]),
        (GENERIC, _posted({"id": "m1", "to": "2435678910", "from": "+19998881234", "body": "Hi"}), [HI]),
    ],
)
def test_texts(carrier, webhook, told):
    assert list(carrier.parse_inbound(webhook)) == told


@pytest.mark.pure
@pytest.mark.parametrize(
    ("carrier", "webhook", "told"),
    [
        (TWILIO, _posted({"MessageSid": "m1", "MessageStatus": "delivered"}), [Receipt("m1", "delivered")]),
        (TWILIO, _posted({"MessageSid": "m1", "MessageStatus": "sent"}), []),
        (
            TWILIO,
            _posted({"MessageSid": "m1", "MessageStatus": "undelivered", "ErrorCode": "30006"}),
            [Receipt("m1", "undelivered", "30006", not_mobile=True)],
        ),
        (VONAGE, _posted({"messageId": "m1", "status": "delivered", "err-code": "0"}), [Receipt("m1", "delivered")]),
        (VONAGE, _posted({"messageId": "m1", "status": "accepted"}), []),
        (
            VONAGE,
            _posted({"messageId": "m1", "status": "unknown", "err-code": "1"}),
            [Receipt("m1", "unconfirmed", "1")],
        ),
        (
            VONAGE,
            _posted({"messageId": "m1", "status": "failed", "err-code": "10"}),
            [Receipt("m1", "undelivered", "10", True)],
        ),
        (TELNYX, _finalized("delivered"), [Receipt("m1", "delivered")]),
        (TELNYX, _finalized("delivery_unconfirmed"), [Receipt("m1", "unconfirmed")]),
        (
            TELNYX,
            _finalized("sending_failed", [{"code": "40001", "title": "Landline"}]),
            [Receipt("m1", "undelivered", "40001 Landline", not_mobile=True)],
        ),
        (BANDWIDTH, _bandwidth("message-delivered"), [Receipt("m1", "delivered")]),
        (
            BANDWIDTH,
            _bandwidth("message-failed", errorCode=4720, description="no route"),
            [Receipt("m1", "undelivered", "4720 no route", not_mobile=True)],
        ),
        (GENERIC, _json([{"id": "m1", "status": "expired", "error": "late"}]), [Receipt("m1", "undelivered", "late")]),
        (GENERIC, _json({"id": "m1", "status": "accepted"}), []),
    ],
)
def test_receipts(carrier, webhook, told):
    assert list(carrier.parse_status(webhook)) == told


@pytest.mark.pure
@pytest.mark.parametrize("carrier", ALL.values(), ids=ALL.keys())
@pytest.mark.parametrize(
    "webhook",
    [
        _posted({}),
        _json({}),
        _json([{}]),
        _json({"data": {"payload": {"to": []}}}),
        _json([{"type": "message-received", "to": "x", "message": {"id": 1, "from": "not a number"}}]),
        Webhook.of(STATUS_URL, {"content-type": "application/json"}, b"\xff{"),
        _posted({"MessageSid": "1", "To": "١٢٣", "From": "1", "messageId": "1", "to": "٣", "msisdn": "x", "id": "1", "from": "y"}),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_so(carrier, webhook):
    for parse in (carrier.parse_inbound, carrier.parse_status):
        try:
            assert list(parse(webhook)) == []
        except PeerError as error:
            assert str(error)


@pytest.mark.pure
@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://x.test/{{ phone }}"},
        {"body": "{{ to | date }}"},
        {"webhook_secret": "short"},
        {"message_id": "a b"},
        {"names": {"to": "[0]"}},
        {"frob": 1},
    ],
)
def test_settings_that_are_none(change):
    with pytest.raises(ValidationError):
        Generic.model_validate(GENERIC.model_dump() | change)


@pytest.mark.pure
def test_a_key_that_is_none():
    with pytest.raises(ValidationError, match="Ed25519"):
        Telnyx(api_key="x", public_key="AAAA")


@pytest.mark.wire
class TestOverTheWire:
    @pytest.fixture
    async def http(self):
        client = GuardedClient((), loopback=True)
        yield client
        await client.aclose()

    async def _send(self, http, answer):
        async with Receiver(lambda _: answer) as receiver:
            carrier = TWILIO.model_copy(update={"base_url": receiver.url("")})
            return await HttpLink(carrier, http, STATUS_URL).send(TEXT), receiver

    async def test_taken(self, http):
        answer, receiver = await self._send(http, Answer(201, b'{"sid": "SM1"}'))
        assert answer == Taken("SM1")
        (request,) = receiver.received
        assert _form(request.body)["To"] == "+19998881234"

    async def test_an_answer_that_cannot_be_read(self, http):
        answer, _ = await self._send(http, Answer(201, b"thanks"))
        assert isinstance(answer, InDoubt)
        answer, _ = await self._send(http, Answer(400, b"<html>"))
        assert answer == Refused("HTTP 400")

    async def test_nobody_there(self, http):
        carrier = TWILIO.model_copy(update={"base_url": "http://127.0.0.1:9"})
        answer = await HttpLink(carrier, http, STATUS_URL).send(TEXT)
        assert isinstance(answer, NotNow) and "cannot be reached" in answer.reason

    async def test_a_private_address(self):
        guarded = GuardedClient((), loopback=False)
        carrier = TWILIO.model_copy(update={"base_url": "http://127.0.0.1:9"})
        answer = await HttpLink(carrier, guarded, STATUS_URL).send(TEXT)
        await guarded.aclose()
        assert isinstance(answer, NotNow) and "private" in answer.reason
