"""Over the Plum surface only the owner reaches what is theirs: not a colleague of the same account, not another account
(docs/compatibility/fuse-authentication.md). Over /v1 an account's users see each other's."""

import time

import pytest

from callwright.services import applications, calls, engines
from callwright.services.calls import CallBatch
from callwright.session.codec import encode_entry
from callwright.session.commands import Log
from callwright.session.run import Entry
from callwright.store.calls import ClosedCall, OpenedCall
from callwright.web.plum import table

pytestmark = pytest.mark.store

SESSION = "300060;001;1529552581"
SECRET = "8675309"
"Stands in the owner's call, number and metadata, and must be in nobody else's answer."

EXPECTED = {
    "/api/apps/{application_id}/{deployment_id}/queue": (
        403,
        "You do not have permission to queue calls for this deployment.",
    ),
    "/api/apps/{application_id}/{deployment_id}/bulk_queue": (
        403,
        "You do not have permission to queue calls for this deployment.",
    ),
    "/api/apps/{application_id}/{deployment_id}/cancel": (
        403,
        "You do not have permission to cancel calls for this deployment.",
    ),
    "/api/outbound/{call_id}": (403, "You do not have permission to view this outbound call."),
    "/api/calls/{start}/{end}": (200, {"calls": [], "total_calls": 0}),
    "/api/all_logs/{start}/{end}": (200, {"calls": [], "total_calls": 0}),
    "/api/call/{session_id}": (404, "Call log not found."),
}
"What whoever is not the owner is answered, by the endpoint's path. A new endpoint of Fuse needs a line here."


@pytest.fixture
async def owned(client, db, world) -> dict[str, object]:
    """What the paths of the endpoints are filled with: all of it the owner's."""
    reply = await client.post(
        f"/api/apps/{world.application_id}/{world.deployment_id}/queue",
        data={"phone_number": f"212{SECRET}", "metadata": f'{{"pin": "{SECRET}"}}'},
    )
    now = time.time()
    engine = (await engines.register(db, "test", now)).id
    (call_id,) = await calls.reserve_ids(db, 1)
    opened = OpenedCall(
        id=call_id,
        account_id=world.scope.account_id,
        user_id=world.scope.user_id,
        application_id=world.application_id,
        deployment_id=world.deployment_id,
        version_id=1,
        outbound_call_id=None,
        engine_id=engine,
        session_id=SESSION,
        sip_call_id="x@y",
        direction="inbound",
        src=f"212{SECRET}",
        dest=world.number,
        started_at=now - 10,
        number=world.number,
    )
    entry = encode_entry(Entry(now, None, Log(SECRET))).decode()
    await calls.write(
        db,
        CallBatch(
            opened=[opened], events=[(call_id, 0, now, entry)], closed=[ClosedCall(call_id, now, "exit", "", "")]
        ),
    )
    return {
        "application_id": world.application_id,
        "deployment_id": world.deployment_id,
        "call_id": reply.json()["call_id"],
        "start": int(now - 100),
        "end": int(now + 100),
        "session_id": SESSION,
    }


def _endpoints():
    return [one for one in table.ENDPOINTS if one.path.startswith("/api/")]


def test_every_endpoint_has_an_expectation() -> None:
    assert {one.path for one in _endpoints()} == EXPECTED.keys()


@pytest.mark.parametrize("who", ["colleague", "stranger"])
@pytest.mark.parametrize("endpoint", _endpoints(), ids=lambda endpoint: endpoint.path)
async def test_nobody_but_the_owner(colleague, stranger, endpoint, who, owned):
    status, answer = EXPECTED[endpoint.path]
    asks = {"colleague": colleague, "stranger": stranger}[who]
    reply = await asks.request(endpoint.method, endpoint.path.format(**owned))
    assert reply.status_code == status
    assert reply.json() == (answer if isinstance(answer, dict) else {"error": answer})
    assert SECRET not in reply.text


async def test_the_owner_reaches_all_of_it(client, owned):
    """So what others are refused is there."""
    assert SECRET in (await client.get(f"/api/outbound/{owned['call_id']}")).text
    assert SECRET in (await client.get(f"/api/calls/{owned['start']}/{owned['end']}")).text
    assert SECRET in (await client.get(f"/api/call/{SESSION}")).text


async def test_a_number_shows_its_owner_its_calls_alone(client, colleague, world, owned):
    """A colleague asks for the number itself, and does not find it among their own."""
    path = f"/api/calls/{owned['start']}/{owned['end']}?number={world.number}"
    assert (await client.get(path)).json()["total_calls"] == 1
    assert (await colleague.get(path)).json() == {"calls": [], "total_calls": 0}


async def test_colleagues_share_the_console(colleague, stranger, world, owned):
    numbers = (await colleague.get("/v1/numbers")).json()
    assert [number["address"] for number in numbers] == [world.number]
    assert (await colleague.get(f"/v1/calls/{SESSION}")).status_code == 200
    assert (await colleague.get(f"/v1/outbound/{owned['call_id']}")).status_code == 200
    for path in (f"/v1/calls/{SESSION}", f"/v1/outbound/{owned['call_id']}", f"/v1/deployments/{world.deployment_id}"):
        assert (await stranger.get(path)).status_code == 404


async def test_what_a_colleague_makes_is_theirs(client, colleague, world):
    """A deployment of one's own on a colleague's application: queued for by its owner, and by nobody else."""
    body = {"application_id": world.application_id, "label": "Carol's"}
    made = (await colleague.post("/v1/deployments", json=body)).json()["id"]
    path, sent = f"/api/apps/{world.application_id}/{made}/queue", {"phone_number": "2125550101"}
    assert (await colleague.post(path, data=sent)).status_code == 200
    assert (await client.post(path, data=sent)).status_code == 403
    assert (await client.get("/v1/deployments")).json()[1]["label"] == "Carol's"


async def test_a_published_version_is_the_accounts(db, world, other):
    assert await applications.published(db, world.scope.account_id, str(world.application_id), None)
    assert await applications.published(db, other.scope.account_id, str(world.application_id), None) is None
