"""The outbound queue dials telephones of the account: where they are registered, all their devices, again as for a number."""

import asyncio
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from applications import SHORT
from baresip import baresip, registered
from conftest import Running

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("by", ["name", "extension"])
async def test_it_is_called_and_the_application_runs(platform: Running, tmp_path: Path, by: str) -> None:
    name, extension = f"yara-{by}", f"80{len(by)}"
    _, secret = await platform.add_phone(name, extension=extension)
    _, deployment_id = await platform.deploy(SHORT)
    async with baresip(
        tmp_path, user=name, at=platform.ready["sip"], account=registered(name, secret), answers=True
    ) as one:
        await one.until("REGISTER_OK")
        to = name if by == "name" else extension
        call_id = await platform.queue_at(to, deployment_id=deployment_id, metadata={"colour": "red"})
        await one.until("CALL_ESTABLISHED")
        await one.until("CALL_CLOSED")
    found = await platform.over(call_id)
    assert found["details"]["status"] == "completed" and found["details"]["phone_number"] == f"sip:{to}@callwright"
    (call,) = found["calls"]
    assert (call["direction"], call["dest"]) == ("outbound", f"sip:{to}@callwright")
    (attempt,) = found["attempts"]
    assert attempt["outcome"] == "completed"


async def test_all_its_devices_ring_and_it_is_one_attempt(platform: Running, tmp_path: Path) -> None:
    _, secret = await platform.add_phone("zoe", extension="811")
    _, deployment_id = await platform.deploy(SHORT)
    sip, account = platform.ready["sip"], registered("zoe", secret)
    async with (
        baresip(tmp_path / "desk", user="zoe", at=sip, account=account) as desk,
        baresip(tmp_path / "pocket", user="zoe", at=sip, account=account) as pocket,
    ):
        await desk.until("REGISTER_OK")
        await pocket.until("REGISTER_OK")
        call_id = await platform.queue_at("zoe", deployment_id=deployment_id)
        await desk.until("CALL_INCOMING")
        await pocket.until("CALL_INCOMING")
        await pocket.does("accept")
        await desk.until("CALL_CLOSED")
        await pocket.until("CALL_ESTABLISHED")
        found = await platform.over(call_id)
    assert found["details"]["status"] == "completed" and len(found["attempts"]) == 1
    async with platform.client() as client, asyncio.timeout(20):
        while len(legs := (await client.get(f"/v1/outbound/{call_id}/legs")).json()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert sorted(leg["answered"] for leg in legs) == [False, True]
    assert found["attempts"][0]["sip_call_id"] in [leg["sip_call_id"] for leg in legs]


async def test_one_that_declines_is_called_again(platform: Running, tmp_path: Path) -> None:
    _, secret = await platform.add_phone("abe", extension="812")
    account = registered("abe", secret)
    async with baresip(tmp_path, user="abe", at=platform.ready["sip"], account=account) as abe:
        await abe.until("REGISTER_OK")
        call_id = await platform.queue_at("abe", max_attempts=2, reattempt_wait_s=60)
        await abe.until("CALL_INCOMING")
        await abe.does("hangup")
        async with asyncio.timeout(20):
            while not (found := await platform.until(call_id, "queued"))["attempts"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    (attempt,) = found["attempts"]
    assert (attempt["outcome"], attempt["sip_status"]) == ("busy", 486)


async def test_one_that_is_registered_nowhere_is_unreachable_and_called_again(platform: Running) -> None:
    await platform.add_phone("bea", extension="813")
    call_id = await platform.queue_at("813", max_attempts=2, reattempt_wait_s=60)
    async with asyncio.timeout(20):
        while not (found := await platform.until(call_id, "queued"))["attempts"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    (attempt,) = found["attempts"]
    assert (attempt["outcome"], attempt["cause"]) == ("unreachable", "the phone is registered nowhere")


async def test_one_that_was_removed_meanwhile_is_rejected(platform: Running) -> None:
    phone_id, _ = await platform.add_phone("cid", extension="814")
    call_id = await platform.queue_at("cid", start_at=4e9)
    async with platform.client() as client:
        assert (await client.delete(f"/v1/phones/{phone_id}")).status_code == 204
        body = {"deployment_id": platform.ready["deployment_id"], "to": "sip:cid@callwright"}
        refused = await client.post("/v1/outbound", json=body)
        assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == "to"
        assert (await client.get(f"/v1/outbound/{call_id}")).json()["details"]["status"] == "queued"


async def test_what_is_refused(platform: Running) -> None:
    good = {"deployment_id": platform.ready["deployment_id"], "to": "+12125550101"}
    wrong = {
        "to": [
            "sip:nobody-here@callwright",
            "sip:ann@example.test",
            "201",
            "ann",
            "sip:a@callwright;x=1",
            "sip:@callwright",
        ],
        "max_attempts": [0, 11],
        "reattempt_wait_s": [59],
        "end_at": [1.0],
        "result_url": ["ftp://example.test/", "http://example.test/\0"],
        "deployment_id": [0],
        "metadata": [{"a": "b" * 70_000}],
    }
    async with platform.client() as client:
        for field, values in wrong.items():
            for value in values:
                reply = await client.post("/v1/outbound", json=good | {field: value})
                assert reply.status_code in (400, 422), (field, value, reply.text)
                assert field in reply.text
        other = await client.post("/v1/outbound", json=good | {"deployment_id": 999_999})
        assert other.status_code == 404


async def test_a_number_is_dialled_and_a_request_that_comes_again_is_one_call(platform: Running) -> None:
    body = {"deployment_id": platform.ready["deployment_id"], "to": "+12125550106"}
    key = {"Idempotency-Key": secrets.token_hex(8)}
    async with platform.client() as client:
        first, again = [(await client.post("/v1/outbound", json=body, headers=key)).json()["id"] for _ in range(2)]
    assert first == again
    assert (await platform.over(first))["details"]["status"] == "completed"


async def test_from_a_terminal(platform: Running) -> None:
    await platform.add_phone("eve", extension="816")
    user, key = platform.auth
    whose = ["--url", platform.ready["base_url"], "--user", user, "--key", key]
    command = [sys.executable, "-m", "callwright", "calls", "queue"]

    async def queued(to: str, deployment: int) -> subprocess.CompletedProcess[str]:
        words = [*command, to, "--deployment", str(deployment), *whose]
        return await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=30)

    done = await queued("sip:816@callwright", platform.ready["deployment_id"])
    assert done.returncode == 0, done.stderr
    assert (await platform.over(int(done.stdout)))["cause"] == "the phone is registered nowhere"
    assert "no phone nobody" in (await queued("sip:nobody@callwright", platform.ready["deployment_id"])).stderr
    assert "no such deployment" in (await queued("sip:816@callwright", 999_999)).stderr


async def test_plums_surface_takes_numbers_alone(platform: Running) -> None:
    await platform.add_phone("dot", extension="815")
    path = f"/api/apps/{platform.ready['application_id']}/{platform.ready['deployment_id']}/queue"
    async with platform.client() as client:
        for number in ("sip:dot@callwright", "815", "dot"):
            assert (await client.post(path, data={"phone_number": number})).status_code == 400
