"""DEV's application API (docs/compatibility/dev-application.md)."""

import pytest

from callwright.services import numbers

pytestmark = pytest.mark.store

XML = {"Accept": "application/xml"}
NUMBER = "8005550111"
FIRST = {"asr": numbers.OPTIONS["asr"][0], "tts": numbers.OPTIONS["tts"][0], "url": ""}


@pytest.mark.parametrize(("name", "field"), [("ASR", "asr"), ("TTS", "tts"), ("URL", "url")])
async def test_what_nobody_has_set(dev_client, world, name, field):
    assert world.number == NUMBER
    reply = await dev_client.get(f"/ws/application/get{name}/{NUMBER}")
    assert reply.text == f'{{"status":"success","error":"","result":{{"{field}":"{FIRST[field]}"}}}}'
    reply = await dev_client.get(f"/ws/application/get{name}/1{NUMBER}", headers=XML)
    value = f"<{field}>{FIRST[field]}</{field}>"
    root = f"get{name}"
    assert reply.text == (
        f'<?xml version="1.0"?><{root}><status>success</status><error></error><result>{value}</result></{root}>'
    )


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("ASR", "asr", numbers.OPTIONS["asr"][-1]),
        ("TTS", "tts", numbers.OPTIONS["tts"][-1]),
        ("URL", "url", "https://example.test/start.vxml?a=1&b=%20"),
    ],
)
@pytest.mark.parametrize("how", ["data", "json", "files"])
async def test_set_and_get(dev_client, client, db, world, name, field, value, how):
    body = {field: (None, value)} if how == "files" else {field: value}
    reply = await dev_client.post(f"/ws/application/set{name}/{NUMBER}", **{how: body})
    assert reply.json() == {"status": "success", "error": "", "result": {field: value}}
    assert (await dev_client.get(f"/ws/application/get{name}/{NUMBER}")).json()["result"] == {field: value}
    assert await db.pool.fetchval(f"SELECT {field} FROM numbers WHERE address = $1", NUMBER) == value
    others = [other for other in FIRST if other != field]
    for other in others:
        found = (await dev_client.get(f"/ws/application/get{other.upper()}/{NUMBER}")).json()
        assert found["result"] == {other: FIRST[other]}


@pytest.mark.parametrize("name", ["ASR", "TTS"])
async def test_options(dev_client, name):
    options = numbers.OPTIONS[name.lower()]
    reply = await dev_client.get(f"/ws/application/getOptions{name}")
    assert reply.json()["result"] == {"options": list(options)}
    reply = await dev_client.get(f"/ws/application/getOptions{name}", headers=XML)
    root = f"getOptions{name}"
    items = "".join(f"<option>{option}</option>" for option in options)
    assert reply.text.endswith(f"<result><options>{items}</options></result></{root}>")
    for option in options:
        body = {name.lower(): option}
        assert (await dev_client.post(f"/ws/application/set{name}/{NUMBER}", data=body)).json()["status"] == "success"


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("setASR/8005550111", {"asr": "Nuance OSR 3.0"}, "asr must be one of: PocketSphinx"),
        ("setASR/8005550111", {}, "asr must be one of: PocketSphinx"),
        ("setTTS/8005550111", {"tts": ""}, "tts must be one of: eSpeak NG"),
        ("setURL/8005550111", {"url": "ftp://x/y"}, "url must be an http or https URL of at most 255 characters"),
        ("setURL/8005550111", {"url": "x"}, "url must be an http or https URL of at most 255 characters"),
        (
            "setURL/8005550111",
            {"url": "http://x.test/" + "y" * 255},
            "url must be an http or https URL of at most 255 characters",
        ),
        ("setURL/8005550222", {"url": "http://x.test/"}, "phone_number is not a number of this account"),
        ("setURL/8005550199", {"url": "http://x.test/"}, "phone_number is not a number of this account"),
        ("setURL/800555011", {"url": "http://x.test/"}, "phone_number must have 10 digits"),
        ("setURL/x", {"url": "http://x.test/"}, "phone_number must have 10 digits"),
    ],
)
async def test_refused(dev_client, other, db, path, body, error):
    """Also a number of another account, which is told as little about as one that is not there."""
    reply = await dev_client.post(f"/ws/application/{path}", data=body)
    assert (reply.status_code, reply.json()) == (200, {"status": "failure", "error": error})
    assert await db.pool.fetchval("SELECT count(*) FROM numbers WHERE asr <> '' OR tts <> '' OR url <> ''") == 0


@pytest.mark.parametrize("service", ["getASR", "getTTS", "getURL"])
async def test_only_the_owner_reads(dev_client, other, service):
    reply = await dev_client.get(f"/ws/application/{service}/{other.number}")
    assert reply.json()["error"] == "phone_number is not a number of this account"
