"""Requests made from the OpenAPI document, by the hundred: each is answered as the document says, and none breaks the server."""

import asyncio
import time
from dataclasses import replace

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from served import served

from callwright.store.sealing import new_key

pytestmark = [pytest.mark.wire, pytest.mark.timeout(300)]

PER_OPERATION = 12
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
ROTATES = {"/v1/developer-key"}
TAGS = {"Plum Fuse", "Plum DEV", "Plum DEV outbound"}


@pytest.fixture
def limits():
    """Bounded by the number of requests, whatever the machine's speed; the same ones in each run."""
    return settings(
        max_examples=PER_OPERATION,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


async def test_the_plum_surface_answers_as_its_document_says(config, world, limits):
    async with served(config) as (url, process):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            document = (await client.get("/openapi.json")).json()
        asked = await asyncio.to_thread(_ask_all, document, url, world, limits, _is_plum)
        assert process.returncode is None
    assert asked >= {
        "POST /api/apps/{application_id}/{deployment_id}/queue",
        "POST /api/apps/{application_id}/{deployment_id}/bulk_queue",
        "GET /api/all_logs/{start}/{end}",
        "GET /ws/calls/logs/{start_timestamp}/{end_timestamp}",
    }


async def test_our_own_api_answers_as_its_document_says(config, world, limits):
    async with served(replace(config, sealing_key=new_key())) as (url, process):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            document = (await client.get("/openapi.json")).json()
        asked = await asyncio.to_thread(_ask_all, document, url, world, limits, _is_own)
        assert process.returncode is None
    assert len(asked) > 50 and "PUT /v1/applications/{application_id}/draft" in asked


def _is_plum(operation) -> bool:
    return bool(TAGS & set(operation.tags or ()))


def _is_own(operation) -> bool:
    """Not what would change the key that is shown with the next request."""
    return operation.path.startswith("/v1/") and operation.path not in ROTATES


def _ask_all(document: dict, url: str, world, limits, chosen) -> set[str]:
    """Every operation that is chosen, with ids that are there as often as not."""
    schema = schemathesis.openapi.from_dict(document)
    asked = set()
    operations = [operation for found in schema.get_all_operations() if chosen(operation := found.ok())]
    # What is there is deleted last.
    for operation in sorted(operations, key=lambda operation: operation.method.upper() == "DELETE"):
        _ask(operation, url, world, limits)
        asked.add(operation.label)
    return asked


def _ask(operation, url: str, world, limits) -> None:
    secret = "Secret-123" if operation.path.startswith("/ws/") else world.account.developer_key
    real = {
        "application_id": world.application_id,
        "deployment_id": world.deployment_id,
        "trunk_id": world.trunk.id,
        "number": 1,
        "number_id": 1,
        "start": int(time.time()) - 1000,
        "end": int(time.time()),
    }

    @limits
    @given(operation.as_strategy(), st.booleans(), st.sampled_from(["application/json", "application/xml"]))
    def ask(case, with_real_ids, accept):
        if with_real_ids:
            case.path_parameters = {
                name: str(real.get(name, value)) for name, value in (case.path_parameters or {}).items()
            }
        reply = case.call(base_url=url, auth=(world.account.email, secret), headers={"Accept": accept}, timeout=30)
        case.validate_response(reply, checks=CHECKS)

    ask()
