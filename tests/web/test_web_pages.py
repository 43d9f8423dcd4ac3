"""The pages for people, in a real browser: all of it comes from this server, and a call can be tried by hand."""

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator

import httpx
import pytest
from served import served_here

BROWSER = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")


@pytest.fixture
async def server(app) -> AsyncIterator[str]:
    """The application on a port of its own, which is free when it is asked."""
    async with served_here(app) as url:
        yield url


def _rendered(url: str) -> str:
    """The document as Chromium shows it once its scripts have run."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "Chromium is missing: ./dev test installs it"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [chromium, *BROWSER, *QUIET, f"--user-data-dir={profile}", "--virtual-time-budget=8000", "--dump-dom", url],
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
    return done.stdout


@pytest.mark.interop
async def test_the_api_page_shows_both_surfaces(server):
    shown = await asyncio.to_thread(_rendered, f"{server}/docs")
    for said in ("/api/apps/{application_id}/{deployment_id}/queue", "/v1/applications", "Authorize"):
        assert said in shown, said
    assert "Failed to load" not in shown


@pytest.mark.interop
async def test_the_start_page_leads_on(server):
    shown = await asyncio.to_thread(_rendered, server)
    assert "Callwright" in shown and 'href="/docs"' in shown


@pytest.mark.store
async def test_nothing_comes_from_another_host(client):
    for path in ("/", "/docs", "/docs/page.js"):
        reply = await client.get(path)
        assert reply.status_code == 200
        assert "//" not in reply.text.replace("http://www.w3.org", ""), path
    policy = (await client.get("/docs")).headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
    for path in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert (await client.get(f"/docs/swagger/{path}")).status_code == 200
    assert (await client.get("/docs/swagger/../../../etc/passwd")).status_code == 404
    assert (await client.get("/docs/swagger/%2e%2e/%2e%2e/__init__.py")).status_code == 404


@pytest.mark.store
async def test_the_document_names_everything_once_with_its_credentials(client):
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    names = [
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "operationId" in operation
    ]
    assert len(names) == len(set(names)) > 20
    schemes = document["components"]["securitySchemes"]
    assert schemes["basic"] == {"type": "http", "scheme": "basic", "description": schemes["basic"]["description"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if path.startswith("/webservice/"):
                # DEV outbound takes its credentials as fields of the form.
                schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
                assert {"login", "pin"} <= set(schema["required"]), f"{method} {path} asks for no credentials"
            else:
                assert operation.get("security"), f"{method} {path} says not that it needs credentials"
    json.dumps(document, allow_nan=False)


@pytest.mark.store
async def test_the_page_sends_no_field_that_nobody_filled_in(client):
    """Swagger UI sends the word "string" for a form field without an example."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    content = paths["/api/apps/{application_id}/{deployment_id}/queue"]["post"]["requestBody"]["content"]
    for kind in content.values():
        properties = kind["schema"]["properties"]
        filled = {name for name, schema in properties.items() if schema["example"]}
        assert filled == {"phone_number", "metadata"}


@pytest.mark.store
async def test_health_tells_of_a_database_that_is_gone(client, db):
    assert (await client.get("/health")).json()["status"] == "ok"
    await db.close()
    reply = await client.get("/health")
    assert (reply.status_code, reply.json()) == (503, {"status": "no database"})


@pytest.mark.store
async def test_what_is_not_there(app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as nobody:
        assert (await nobody.get("/nothing")).status_code == 404
        assert (await nobody.get("/docs/swagger/")).status_code == 404
        assert (await nobody.post("/docs")).status_code == 405
