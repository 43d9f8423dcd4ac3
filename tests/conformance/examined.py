"""The suite's target on an application in this process."""

import httpx

from callwright.conformance.target import Target

PASSWORD = "Secret-123"
PIN = "PIN-1234"
NUMBER = "12125550101"


def target_on(app, world) -> Target:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://test")
    return Target(
        client,
        world.account.email,
        world.account.developer_key,
        world.application_id,
        world.deployment_id,
        NUMBER,
        world.account.email,
        PASSWORD,
        PIN,
    )
