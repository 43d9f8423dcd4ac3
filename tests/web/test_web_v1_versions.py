"""Drafts that nobody writes over unseen, versions that are compared and taken back, and what there is to build with."""

import asyncio
from typing import Any

import httpx
import pytest
import yaml

from callwright.flow import templates, yaml12
from callwright.flow.application import build
from callwright.flow.differences import differences
from callwright.flow.module import REGISTRY
from callwright.providers import pipe_worker
from callwright.providers.tts import espeak
from callwright.services import languages, publishing

pytestmark = pytest.mark.store

YAML = {"Accept": "application/yaml"}


def _document(said: str = "Hello.", **more: Any) -> dict:
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "say"}},
        {"name": "say", "type": "prompt", "prompt": said, "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {"callwright": 2, "name": "Desk", "pages": [{"name": "Main", "modules": modules}], **more}


async def _create(client: httpx.AsyncClient, document: dict) -> str:
    made = await client.post("/v1/applications", json=document)
    assert made.status_code == 201, made.text
    return f"/v1/applications/{made.json()['id']}"


@pytest.fixture
async def application(client) -> str:
    return await _create(client, _document())


def _problem(reply: httpx.Response, status: int) -> dict:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    return reply.json()


class TestDraft:
    async def test_it_is_kept_as_it_was_written(self, client, application):
        written = "# A comment\nname: Desk\npages:\n- name: Main\n  modules:\n  - {type: start, name: start, exits: {next: end}}\n"
        written += "  - {type: exit, name: end}\n"
        assert (await client.put(f"{application}/draft", content=written)).status_code == 204
        found = await client.get(f"{application}/draft")
        assert found.headers["content-type"] == "application/json"
        assert found.json() == {"callwright": 2, **yaml.safe_load(written)}
        assert list(found.json()["pages"][0]["modules"][0]) == ["type", "name", "exits"], "in the author's order"

    async def test_an_older_form_is_kept_as_the_newest(self, client, application):
        old = {**_document(), "callwright": 1, "input": {"attempts": 2}}
        await client.put(f"{application}/draft", json=old)
        found = (await client.get(f"{application}/draft")).json()
        assert found["callwright"] == 2 and len(found["input"]["no_match"]["attempts"]) == 2

    @pytest.mark.parametrize(
        ("accept", "is_yaml"),
        [
            ("application/yaml", True),
            ("text/yaml, application/json;q=0.5", True),
            ("application/json;q=0.5, application/x-yaml;q=0.9", True),
            ("application/json, application/yaml", False),
            ("*/*", False),
            ("application/yaml;q=0", False),
            ("application/yaml;q=often", False),
            ("text/html", False),
            ("", False),
        ],
    )
    async def test_json_or_yaml(self, client, application, accept, is_yaml):
        reply = await client.get(f"{application}/draft", headers={"Accept": accept})
        assert (reply.headers["content-type"].startswith("application/yaml")) is is_yaml
        assert yaml12.load(reply.text) == _document() if is_yaml else reply.json() == _document()

    async def test_a_change_of_what_somebody_else_has_changed_is_refused(self, client, application):
        first = (await client.get(f"{application}/draft")).headers["etag"]
        mine = await client.put(f"{application}/draft", json=_document("Mine."), headers={"If-Match": first})
        assert mine.status_code == 204 and mine.headers["etag"] not in ("", first)
        told = _problem(
            await client.put(f"{application}/draft", json=_document("Theirs."), headers={"If-Match": first}), 412
        )
        assert told["errors"][0]["field"] == "If-Match" and "revision 2" in told["detail"]
        found = await client.get(f"{application}/draft")
        assert found.json() == _document("Mine.") and found.headers["etag"] == mine.headers["etag"]
        for tags in (f'"x", {mine.headers["etag"]}', "*", ""):
            reply = await client.put(f"{application}/draft", json=_document(tags), headers={"If-Match": tags})
            assert reply.status_code == 204, reply.text
            mine = reply

    @pytest.mark.parametrize("tags", ["1", 'W/"1"', '"0"', '"99999999999999999999999"', "nonsense", ",,"])
    async def test_what_is_no_tag_of_a_draft(self, client, application, tags):
        _problem(await client.put(f"{application}/draft", json=_document(), headers={"If-Match": tags}), 412)

    async def test_many_writers_with_the_same_tag(self, client, application):
        headers = {"If-Match": (await client.get(f"{application}/draft")).headers["etag"]}
        replies = await asyncio.gather(
            *(client.put(f"{application}/draft", json=_document(f"{n}"), headers=headers) for n in range(8))
        )
        assert sorted(reply.status_code for reply in replies) == [204] + [412] * 7

    async def test_each_change_of_it_can_be_conditional(self, client, application):
        await client.post(f"{application}/versions")
        stale = {"If-Match": '"7"'}
        _problem(await client.patch(application, json={"name": "New"}, headers=stale), 412)
        _problem(await client.post(f"{application}/versions", headers=stale), 412)
        _problem(await client.post(f"{application}/versions/1/restore", headers=stale), 412)
        assert len((await client.get(f"{application}/versions")).json()) == 1
        fresh = {"If-Match": (await client.get(f"{application}/draft")).headers["etag"]}
        assert (await client.post(f"{application}/versions", headers=fresh)).status_code == 201
        renamed = await client.patch(application, json={"name": "New"}, headers=fresh)
        assert renamed.status_code == 204 and renamed.headers["etag"] != fresh["If-Match"]

    async def test_a_new_name_stands_in_the_draft(self, client, application):
        assert (await client.patch(application, json={"name": "New"})).status_code == 204
        assert (await client.get(application)).json()["name"] == "New"
        assert (await client.get(f"{application}/draft")).json() == {**_document(), "name": "New"}
        _problem(await client.patch(application, json={"name": ""}), 422)
        _problem(await client.patch("/v1/applications/0", json={"name": "x"}), 404)


class TestVersions:
    async def test_a_document_in_both_forms(self, client, application):
        await client.post(f"{application}/versions")
        as_json = await client.get(f"{application}/versions/1/document")
        as_yaml = await client.get(f"{application}/versions/1/document", headers=YAML)
        assert as_json.json() == yaml12.load(as_yaml.text)
        assert as_json.json() == (await client.get(f"{application}/versions/1")).json()["document"]
        assert differences(build(as_json.json()), build(_document())) == []
        _problem(await client.get(f"{application}/versions/2/document"), 404)

    async def test_what_has_changed_in_words(self, client, application):
        await client.post(f"{application}/versions")
        await client.put(f"{application}/draft", json=_document("Good morning.", name="Front desk"))
        (name, said) = (await client.get(f"{application}/versions/1/differences/draft")).json()
        assert (name["module"], said["module"]) == ("", "say")
        assert "Front desk" in name["message"] and "Good morning." in said["message"]
        (_, back) = (await client.get(f"{application}/versions/draft/differences/1")).json()
        assert back["message"].index("Good morning.") < back["message"].index("Hello.")
        assert (await client.get(f"{application}/versions/1/differences/1")).json() == []
        _problem(await client.get(f"{application}/versions/1/differences/2"), 404)
        _problem(await client.get(f"{application}/versions/1/differences/latest"), 422)

    async def test_a_version_becomes_the_draft_again(self, client, application):
        await client.post(f"{application}/versions")
        await client.put(f"{application}/draft", json=_document("Changed.", name="Changed"))
        before = (await client.get(f"{application}/draft")).headers["etag"]
        restored = await client.post(f"{application}/versions/1/restore", headers={"If-Match": before})
        assert restored.status_code == 204
        found = await client.get(f"{application}/draft")
        assert found.json() == _document(), "as an author would write it, without defaults"
        assert found.headers["etag"] == restored.headers["etag"] != before
        assert (await client.get(application)).json()["name"] == "Desk"

    async def test_copies(self, client, application):
        await client.post(f"{application}/versions")
        await client.put(f"{application}/draft", json=_document("Changed."))
        for body, said in (({"name": "Copy"}, "Changed."), ({"name": "Copy", "version": 1}, "Hello.")):
            made = await client.post(f"{application}/copies", json=body)
            assert made.status_code == 201, made.text
            copy = f"/v1/applications/{made.json()['id']}"
            assert (await client.get(f"{copy}/draft")).json() == _document(said, name="Copy")
            assert (await client.get(copy)).json()["latest_version"] is None
        _problem(await client.post(f"{application}/copies", json={"name": "x", "version": 9}), 404)
        headers = {"Idempotency-Key": "copy"}
        one, two = [await client.post(f"{application}/copies", json={"name": "C"}, headers=headers) for _ in "ab"]
        assert one.json() == two.json()


class TestTests:
    async def test_the_drafts_own_transcripts(self, client):
        passing = {"greets": "hears Hello.\ncall ends\n"}
        application = await _create(client, _document(transcripts=passing))
        assert (await client.post(f"{application}/tests")).json() == {
            "transcripts": [{"name": "greets", "passed": True, "problem": "", "call": ["hears   Hello.", "call ends"]}],
            "modules": {"tried": 3, "all": 3},
            "exits": {"taken": 2, "all": 2, "missed": []},
        }

    async def test_others_that_are_sent(self, client, application):
        assert (await client.post(f"{application}/tests")).json()["exits"]["missed"] == ["start: next", "say: next"]
        sent = {"transcripts": {"wrong": "hears Goodbye.\ncall ends\n", "odd": "sings\n"}}
        wrong, odd = (await client.post(f"{application}/tests", json=sent)).json()["transcripts"]
        assert not wrong["passed"] and "line 1" in wrong["problem"] and "Hello." in wrong["problem"]
        assert not odd["passed"] and "sings" in odd["problem"]
        assert (await client.get(f"{application}/draft")).json() == _document(), "they are not kept"

    async def test_limits(self, client, application):
        many = {"transcripts": {f"{n}": "call ends\n" for n in range(101)}}
        _problem(await client.post(f"{application}/tests", json=many), 422)
        long = {"transcripts": {"long": "#" * 100_001}}
        _problem(await client.post(f"{application}/tests", json=long), 422)

    async def test_a_script_that_nothing_can_interrupt_holds_up_no_one(self, client, monkeypatch):
        """It runs for minutes within one built-in function, in a process that is ended."""
        monkeypatch.setattr(publishing, "REHEARSAL_S_MAX", 1.0)
        monkeypatch.setattr(pipe_worker, "START_S_MAX", 5.0)
        document = _document(transcripts={"hangs": "call ends\n"})
        script = "new Array(4294967294).reverse()"
        document["pages"][0]["modules"][1] = {
            "name": "say",
            "type": "evaluate_js",
            "script": script,
            "exits": {"next": "end"},
        }
        application = await _create(client, document)
        for path in ("versions", "tests"):
            asked = asyncio.create_task(client.post(f"{application}/{path}"))
            while not asked.done():
                async with asyncio.timeout(10):
                    assert (await client.get("/v1/templates")).status_code == 200, "others are answered meanwhile"
            told = _problem(await asked, 409)
            assert "did not answer within 1 s" in told["detail"]

    async def test_the_applications_that_it_goes_to(self, client):
        other = await _create(client, _document("From the other.", name="Other"))
        await client.post(f"{other}/versions")
        for named in ("Other", other.rpartition("/")[2]):
            document = _document()
            go = {"name": "go", "type": "go_to_app", "application": named, "exits": {"next": "end"}}
            document["pages"][0]["modules"].append(go)
            document["pages"][0]["modules"][1]["exits"]["next"] = "go"
            document["transcripts"] = {"both": "hears Hello.\nhears From the other.\ncall ends\n"}
            application = await _create(client, document)
            (result,) = (await client.post(f"{application}/tests")).json()["transcripts"]
            assert result["passed"], result
            assert (await client.post(f"{application}/versions")).status_code == 201


class TestCatalogue:
    async def test_languages(self, client):
        found = {one["language"]: one for one in (await client.get("/v1/languages")).json()}
        assert found.keys() == espeak.VOICES.keys() == languages.NAMES.keys()
        assert found["de-DE"] == {
            "language": "de-DE",
            "name": "German (Germany)",
            "says_values": True,
            "voice": "espeak-ng:de",
            "hears": False,
        }
        assert not found["nl-NL"]["says_values"]
        assert {language for language, one in found.items() if one["hears"]} == {"en-US", "en-GB", "en-AU"}

    async def test_the_form_of_documents_has_every_module_with_its_documentation_and_icon(self, client):
        schema = (await client.get("/v1/schema")).json()
        for module in REGISTRY.values():
            form = schema["$defs"][module.__name__]
            assert form["icon"] == module.icon != "" and form["description"], module

    async def test_templates(self, client):
        found = {one["name"]: one for one in (await client.get("/v1/templates")).json()}
        assert found.keys() == set(templates.names()) and len(found) >= 5
        pin = found["pin_check"]
        assert pin["title"] == "PIN check" and "private" in pin["description"] and pin["languages"] == ["en-US"]
        assert pin["needs"]["services"] and "check_url" in pin["variables"]
        as_yaml = await client.get("/v1/templates/pin_check/document", headers=YAML)
        assert as_yaml.text == templates.source("pin_check"), "with its comments"
        assert (await client.get("/v1/templates/pin_check/document")).json() == yaml12.load(as_yaml.text)

    async def test_an_application_from_each_template_can_be_published(self, client):
        for name in templates.names():
            made = await client.post(f"/v1/templates/{name}/applications")
            assert made.status_code == 201, made.text
            application = f"/v1/applications/{made.json()['id']}"
            assert (await client.get(application)).json()["name"] == templates.application(name).name
            assert (await client.post(f"{application}/versions")).status_code == 201

    async def test_an_application_from_a_template_with_a_name_of_its_own(self, client):
        headers = {"Idempotency-Key": "t"}
        path = "/v1/templates/survey/applications"
        one, two = [await client.post(path, json={"name": "Mine"}, headers=headers) for _ in "ab"]
        assert one.json() == two.json()
        assert (await client.get(f"/v1/applications/{one.json()['id']}/draft")).json()["name"] == "Mine"
        _problem(await client.post(path, json={"name": "\0"}), 422)

    @pytest.mark.parametrize("name", ["nothing", "..%2fsurvey", "%00"])
    async def test_templates_that_are_not_there(self, client, name):
        _problem(await client.get(f"/v1/templates/{name}/document"), 404)
        _problem(await client.post(f"/v1/templates/{name}/applications"), 404)


async def test_nothing_of_another_account(client, stranger, application):
    await client.post(f"{application}/versions")
    for method, path, body in (
        ("PATCH", application, {"name": "mine"}),
        ("POST", f"{application}/copies", {"name": "mine"}),
        ("POST", f"{application}/tests", None),
        ("GET", f"{application}/inspection", None),
        ("GET", f"{application}/versions/1/document", None),
        ("GET", f"{application}/versions/1/differences/draft", None),
        ("POST", f"{application}/versions/1/restore", None),
    ):
        _problem(await stranger.request(method, path, json=body), 404)
    # What their application goes to is looked for among their own.
    go = {"name": "go", "type": "go_to_app", "application": "Desk", "exits": {"next": "end"}}
    document = _document(name="Theirs", transcripts={"spies": "hears Hello.\nhears Hello.\ncall ends\n"})
    document["pages"][0]["modules"].append(go)
    document["pages"][0]["modules"][1]["exits"]["next"] = "go"
    theirs = await _create(stranger, document)
    (result,) = (await stranger.post(f"{theirs}/tests")).json()["transcripts"]
    assert not result["passed"]
