"""Texts through the whole platform and an SMSC of other people: out by REST and back by receipt, and from a handset to a URL."""

from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from up_for_tests import running

from bench._smsc import NodeSmsc
from callwright.sms import smpp
from callwright.sms.smpp_texts import Part, header_of
from callwright.testing.receiver import Answer, Receiver

pytestmark = pytest.mark.interop

PASSWORD = "hush-hush"
THEIRS = "12125550101"
REPLY = b"<reply><sms_message>Thanks</sms_message></reply>"


def _fields(post) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(post.body.decode()).items()}


async def test_out_and_back_over_smpp(data_dir: Path) -> None:
    async with (
        NodeSmsc(password=PASSWORD) as smsc,
        Receiver(lambda request: Answer(200, REPLY if request.path == "/text" else b"")) as receiver,
        running(data_dir) as up,
        httpx.AsyncClient(base_url=up.ready["base_url"], trust_env=False, timeout=30) as api,
    ):
        key = (up.ready["email"], up.ready["developer_key"])
        account = {"name": "SMSC", "type": "smpp", "settings": smsc.settings(window=0)}
        refused = await api.post("/v1/carriers", auth=key, json=account)
        assert refused.status_code == 400 and "window" in refused.text and PASSWORD not in refused.text
        account["settings"]["window"] = 5
        carrier = (await api.post("/v1/carriers", auth=key, json=account)).json()["id"]
        listed = await api.get("/v1/carriers", auth=key)
        (shown,) = [one for one in listed.json() if one["id"] == carrier]
        assert shown["settings"]["password"] == "***" and PASSWORD not in listed.text
        numbers = (await api.get("/v1/numbers", auth=key)).json()
        number = next(one for one in numbers if one["address"] == up.ready["sms_number"])
        texting = {"carrier_id": carrier, "text_url": receiver.url("/text"), "texts_joined": True}
        told = await api.put(f"/v1/numbers/{number['id']}/texting", auth=key, json=texting)
        assert told.status_code == 204

        # Out: REST, SMPP, receipt, status, result_url.
        login = (up.ready["dev_login"], up.ready["dev_password"])
        text = {
            "to": THEIRS,
            "from": up.ready["sms_number"],
            "body": "Grüße " * 40 + "!",
            "result_url": receiver.url("/done"),
        }
        queued = (await api.post("/ws/sms/queue.json", auth=login, data=text)).json()
        parts = [await smsc.until(lambda one, at=at: one.get("udh", "").endswith(f"02{at:02x}")) for at in (1, 2)]
        assert "".join(part["submitted"] for part in parts) == text["body"]
        posts: list[dict[str, str]] = []
        while len({post["sms_message_id"] for post in posts if post.get("delivery_status") == "delivered"}) < 2:
            posts = [_fields(post) for post in await receiver.wait_for("/done", count=len(posts) + 1, timeout_s=30)]
        ids = {post["sms_message_id"] for post in posts}
        assert len(ids) == 2 and all(post["status"] == "sent" for post in posts)
        for message_id in ids:
            status = (await api.get(f"/ws/sms/status.json/{message_id}", auth=login)).json()
            assert "delivered" in str(status) and message_id in str(queued)

        # Back: a handset, in two parts; the application's URL, whose answer goes out.
        ours = parts[0]["source"]
        assert await smsc.deliver("Hello ", destination_addr=ours, udh=header_of(Part(1, 1, 2)).hex()) == smpp.ROK
        assert await smsc.deliver("there", destination_addr=ours, udh=header_of(Part(1, 2, 2)).hex()) == smpp.ROK
        (post,) = await receiver.wait_for("/text", timeout_s=30)
        assert _fields(post)["body"] == "Hello there" and _fields(post)["from"] == THEIRS
        await smsc.until(lambda one: one.get("submitted") == "Thanks")
        assert await smsc.deliver("x", destination_addr="18005550199") == smpp.RX_P_APPN
    logs = "".join(path.read_text() for path in (data_dir / "logs").iterdir())
    assert "bound as callwright" in logs and PASSWORD not in logs
