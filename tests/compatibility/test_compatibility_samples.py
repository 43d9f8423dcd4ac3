"""Requests as Plum's pages show them, sent by curl and PHP over HTTPS, with nothing changed but host and credentials.

The files in `samples/` have the shape of the printed ones, typed anew. What had to be done to run them:

- `curl.txt` (DEV call logs): nothing. Their times are of 2017, so the documented answer is that the start must be within the last
  year; the same lines with the times of now are run beside them.
- `getlogs.php` (DEV call logs): it is printed without its end, the call of `curl_exec`; the test adds that.
- `calls.php` (Get Call Logs): it is printed with a quote missing, which is no PHP; the test mends that and nothing else.
- `sms_queue.php`, `sms_status.php`, `sms_messages.php`, `sms_conversation.php` (SMS API): nothing, but for the numbers that are
  printed as `xxxxxxxxxx` and the message's id.
- `queue.php`, `bulk.php`, `header.php`: the pages of queueing and of authentication describe requests in words and print no
  program; these are ours, of the shape that the words have.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree
from served import served
from some_calls import some_calls
from tls import Authority

from callwright.base.config import Config
from callwright.ports.carrier import ReceivedText
from callwright.services import numbers, passwords, sms, sms_carriers
from callwright.store.sms_carriers import Texting

pytestmark = pytest.mark.interop

SAMPLES = Path(__file__).parent / "samples"
RUN_S_MAX = 30.0
OURS, THEIRS = "2435678910", "19998881234"
PIN = "1234567890"


@dataclass
class Server:
    """Where it is, and who may ask."""

    url: str
    ca: Path
    world: object

    def sample(self, name: str) -> str:
        """A sample with our host, credentials and ids in it."""
        world = self.world
        text = re.sub(r"https://(hosting|fuse)\.plumvoice\.com", self.url, (SAMPLES / name).read_text())
        return (
            text.replace("username:password", f"{world.account.email}:Secret-123")
            .replace("<your_email_address>", world.account.email)
            .replace("<your_developer_key>", world.account.developer_key)
            .replace("{application_id}", str(world.application_id))
            .replace("{deployment_id}", str(world.deployment_id))
        )


@pytest.fixture
async def server(db, database_url, world, tmp_path) -> AsyncIterator[Server]:
    """The web process with a certificate of a test authority."""
    await some_calls(db, world)
    authority = Authority(tmp_path)
    cert, key = authority.issue("server")
    config = Config(data_dir=str(tmp_path), database_url=database_url, tls_cert=str(cert), tls_key=str(key))
    async with served(config) as (url, _):
        yield Server(url, authority.ca, world)


async def _run(*command: str, stdin: str = "", **env: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **env}
    )
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), RUN_S_MAX)
    assert process.returncode == 0, err.decode() + out.decode()
    return out.decode()


async def _curl(server: Server, line: str) -> str:
    return await _run("sh", "-c", line, CURL_CA_BUNDLE=str(server.ca))


async def _php(server: Server, program: str, *arguments: str) -> str:
    # The program comes on standard input; "-" ends PHP's own options.
    options = ("-d", f"curl.cainfo={server.ca}", "-d", "display_errors=stderr")
    return await _run("php", *options, "--", *arguments, stdin=program)


async def test_the_curl_lines_of_the_call_logs(server):
    lines = server.sample("curl.txt").splitlines()
    assert len(lines) == 4
    answers = [etree.fromstring((await _curl(server, line)).encode()) for line in lines]
    assert [root.tag for root in answers] == ["logs", "log", "sessions", "errors"]
    assert [root.findtext("status") for root in answers] == ["failure"] * 4
    late = "start_timestamp must be within the last year"
    assert [root.findtext("error") for root in answers] == [late, "log not found", late, late]


async def test_the_curl_lines_with_the_times_of_now(server, world):
    now = int(time.time())
    text = server.sample("curl.txt").replace("6177123000", world.number)
    text = text.replace("1509681600", str(now - 1000)).replace("1510203600", str(now))
    logs_line, log_line, sessions_line, errors_line = text.splitlines()
    logs = etree.fromstring((await _curl(server, logs_line)).encode())
    (found,) = logs.findall("result/logs/log")
    assert (found.findtext("dest"), found.findtext("src")) == (world.number, "2125551234")
    log = await _curl(server, log_line.replace("421627729", found.findtext("log_id")))
    assert found.findtext("session_id") in etree.fromstring(log.encode()).findtext("result/log")
    (session,) = etree.fromstring((await _curl(server, sessions_line)).encode()).findall("result/sessions/session")
    assert session.text.startswith("inbound 2125551234 ")
    (error,) = etree.fromstring((await _curl(server, errors_line)).encode()).findall("result/errors/error")
    assert error.text.endswith(" ReferenceError: d is not defined line 1")


async def test_the_php_of_the_call_logs(server, world):
    now = int(time.time())
    program = server.sample("getlogs.php") + "echo curl_exec($ch);\n"
    assert etree.fromstring((await _php(server, program)).encode()).findtext("error").endswith("within the last year")
    program = program.replace("1509681600", str(now - 1000)).replace("1510203600", str(now))
    told = await _php(server, program.replace("6177123000", world.number))
    assert etree.fromstring(told.encode()).findtext("result/total_logs") == "1"


async def test_the_php_of_get_call_logs(server):
    printed = server.sample("calls.php")
    with pytest.raises(AssertionError, match="syntax error"):
        await _php(server, printed)
    program = printed.replace("strtotime('midnight -5 days);", "strtotime('midnight -5 days');")
    assert program != printed
    told = await _php(server, program)
    assert told == f'string(28) "{json.dumps({"calls": [], "total_calls": 0}, separators=(",", ":"))}"\nint(200)\n'


async def test_php_queues_a_call_and_follows_its_link(server, db):
    told = await _php(server, server.sample("queue.php"))
    head, _, body = told.rpartition("\r\n\r\n")
    call_id = json.loads(body)["call_id"]
    assert f'link: <{server.url}/api/outbound/{call_id}>; rel="status"' in head.lower()
    row = await db.pool.fetchrow("SELECT phone_number, ani, postd, metadata FROM outbound_calls WHERE id = $1", call_id)
    assert (row["phone_number"], row["ani"], row["postd"]) == (
        "tel:+16175551234;ani=8009957586;postd=2",
        "8009957586",
        "2",
    )
    assert json.loads(row["metadata"]) == {"first_name": "Steve", "last_name": "Smith"}


async def test_php_queues_a_file_and_cancels_it(server, db, tmp_path):
    file = tmp_path / "contacts.csv"
    file.write_text('"destination","first_name"\n"1234567890","Steve"\n"tel:12223456547","Sloane"\n')
    told, status = (await _php(server, server.sample("bulk.php"), str(file))).strip().rsplit("\n", 1)
    assert len(etree.fromstring(told.encode()).findall("call_ids/item")) == 2
    assert status == "202"
    rows = await db.pool.fetch("SELECT status, max_attempts, reattempt_wait_s FROM outbound_calls")
    assert [tuple(row) for row in rows] == [("canceled", 2, 60)] * 2


@pytest.fixture
async def texting(db, world):
    """The number of the samples sends by the built-in carrier."""
    number_id = await numbers.create(db, world.scope, address=OURS, sms=True)
    carrier_id = await sms_carriers.create(db, world.scope, name="handset", type="loopback", settings={})
    await sms_carriers.set_texting(db, world.scope, number_id, Texting(carrier_id))
    return carrier_id


async def test_the_php_of_texts(server, db, texting):
    queued = etree.fromstring((await _php(server, server.sample("sms_queue.php"))).encode())
    assert (queued.tag, queued.findtext("status")) == ("queue", "success")
    (message,) = queued.findall("result/sms_messages/sms_message")
    assert {child.tag: child.text for child in message} | {"sms_message_id": "", "request_timestamp": ""} == {
        "sms_message_id": "",
        "to": THEIRS,
        "from": OURS,
        "body": "This is a notification.",
        "request_timestamp": "",
        "result_url": "http://myserver.com/storesmsresults.php",
        "status": "queued",
    }
    await sms.told(db, texting, ReceivedText("", OURS, THEIRS, "GREAT"))
    program = server.sample("sms_status.php").replace(
        "e7f41fdc813d481081ec2840d68838b5", message.findtext("sms_message_id")
    )
    status = etree.fromstring((await _php(server, program)).encode())
    assert (status.tag, status.findtext("result/status"), status.findtext("result/to")) == ("status", "queued", THEIRS)
    unknown = etree.fromstring((await _php(server, server.sample("sms_status.php"))).encode())
    assert (unknown.findtext("status"), unknown.findtext("error")) == ("failure", "message not found")
    program = server.sample("sms_messages.php").replace("xxxxxxxxxx", OURS)
    listed = etree.fromstring((await _php(server, program)).encode())
    assert [one.findtext("body") for one in listed.findall("result/sms_messages/sms_message")] == ["GREAT"]
    program = server.sample("sms_conversation.php").replace("xxxxxxxxxx", OURS, 1).replace("xxxxxxxxxx", THEIRS)
    talk = etree.fromstring((await _php(server, program)).encode())
    assert talk.findtext("result/total") == "2"
    assert {
        (one.findtext("type"), one.findtext("body")) for one in talk.findall("result/sms_messages/sms_message")
    } == {
        ("outbound", "This is a notification."),
        ("inbound", "GREAT"),
    }


async def test_the_header_as_the_page_spells_it(server):
    told = await _php(server, server.sample("header.php"), str(server.ca))
    assert json.loads(told) == {"calls": [], "total_calls": 0}


async def test_the_conformance_command_over_https(server, db, world):
    await passwords.set_pin(db, world.scope, PIN)
    command = [sys.executable, "-P", "-m", "callwright", "conformance", "--base-url", server.url, "--json"]
    command += ["--user", world.account.email, "--application", str(world.application_id)]
    command += ["--deployment", str(world.deployment_id), "--number", "12125550101", "--ca", str(server.ca)]
    command += ["--dev-login", world.account.email]
    env = {
        "CALLWRIGHT_KEY": world.account.developer_key,
        "CALLWRIGHT_DEV_PASSWORD": "Secret-123",
        "CALLWRIGHT_DEV_PIN": PIN,
    }
    told = json.loads(await _run(*command, **env))
    assert (told["failed"], told["skipped"]) == (0, 0)
    assert told["passed"] == len(told["rules"]) > 40
    with pytest.raises(AssertionError, match="does not answer"):
        # Without trust in the test authority.
        await _run(*command[:-4], *command[-2:], **env)
