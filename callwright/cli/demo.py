"""A first call, shown step by step: queued over REST, placed over SIP, answered by the test phone, reported back; and texts."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import click
import httpx

from callwright.base.errors import CallwrightError
from callwright.cli import _process
from callwright.cli._address import Address
from callwright.cli._demo_texts import Texts, TextsFailed
from callwright.cli._options import phone_of, place_options
from callwright.cli._platform import STOP_S_MAX, Options, Platform
from callwright.cli.up import welcome
from callwright.testing.receiver import Receiver

CALL_S_MAX = 90.0
"The whole call, from the queue to the result."

POLL_S = 0.1
ANSWERS, RESULTS = "/answers", "/results"


class StepFailed(CallwrightError):
    """A step of the demo did not do what it should."""


@click.command()
@place_options
@click.option(
    "--once", is_flag=True, help="End after the call and the texts; the exit status says whether every step worked."
)
@click.option("--number", help="The test phone's number to call instead: 12125550102 reschedules.")
def command(data_dir: Path, http: Address, sip: Address, phone: Address | None, once: bool, number: str | None) -> None:
    """Start Callwright, place a real call to the built-in test phone, send texts, and show both. Then stay up."""
    options = Options(data_dir=data_dir, http=http, sip=sip, phone=phone_of(phone, sip))
    status = 0

    async def main(stopping: _process.Stopping) -> None:
        nonlocal status
        steps = Steps()
        async with Platform(options, steps.say) as platform, Receiver() as receiver:
            steps.say("Everything answers")
            try:
                async with asyncio.timeout(CALL_S_MAX):
                    await _Call(platform, receiver, steps, number or platform.ready["test_phone"]).place()
            except (StepFailed, TextsFailed, TimeoutError, httpx.HTTPError) as error:
                status = 1
                steps.say(f"FAILED: {error or 'the call did not end in time'}; the logs are in {data_dir / 'logs'}")
            if not once:
                click.echo(welcome(platform))
                await stopping.stop.wait()

    try:
        _process.run(main, stop_s_max=STOP_S_MAX)
    except CallwrightError as error:
        raise click.ClickException(str(error)) from None
    raise SystemExit(status)


class Steps:
    """Prints each step with the time since the command."""

    def __init__(self) -> None:
        self._begun = time.time() - time.process_time()

    def say(self, line: str, at: float | None = None) -> None:
        click.echo(f"{(at or time.time()) - self._begun:7.2f} s  {line}")


@dataclass
class _Call:
    """The one call of the demo."""

    platform: Platform
    receiver: Receiver
    steps: Steps
    number: str

    async def place(self) -> None:
        ready = self.platform.ready
        phone = PhoneEvents(Path(self.platform.options.data_dir) / "run" / "phone.jsonl")
        async with httpx.AsyncClient(
            base_url=ready["base_url"], auth=(ready["email"], ready["developer_key"]), trust_env=False, timeout=10
        ) as api:
            call_id = await self._queue(api, ready)
            await self._follow(phone)
            await self._result(call_id)
            await self._show(api, ready, call_id)
            click.echo("Texts, between the platform's number and the built-in handset:")
            await Texts(api, ready, self.steps.say).show()
            click.echo("\nWatch texts come and go: callwright sms tail\n")

    async def _queue(self, api: httpx.AsyncClient, ready: dict[str, Any]) -> int:
        path = f"/api/apps/{ready['application_id']}/{ready['deployment_id']}/queue"
        fields = {
            "phone_number": self.number,
            "metadata": json.dumps(
                {
                    "first_name": "Ann",
                    "appointment": "on Tuesday at half past ten",
                    "answer_url": self.receiver.url(ANSWERS),
                }
            ),
            "result_url": self.receiver.url(RESULTS),
        }
        reply = await api.post(path, data=fields)
        if reply.status_code != 200:
            raise StepFailed(f"POST {path} answered {reply.status_code} {reply.text}")
        call_id = int(reply.json()["call_id"])
        self.steps.say(f"POST {path} -> {reply.text}")
        return call_id

    async def _follow(self, phone: "PhoneEvents") -> None:
        """Print what the phone notices, until it has hung up."""
        heard = False
        while True:
            for event in phone.new():
                heard = heard or event["event"] == "first audio"
                detail = f": {event['detail']}" if event["detail"] else ""
                self.steps.say(f"  phone  {event['event']}{detail}", event["at"])
                if event["event"] == "ended":
                    if not heard:
                        raise StepFailed("the phone heard nothing")
                    return
            await asyncio.sleep(POLL_S)

    async def _result(self, call_id: int) -> None:
        (answer,) = await self.receiver.wait_for(ANSWERS)
        self.steps.say(f"web service got {answer.body.decode()}")
        (result,) = await self.receiver.wait_for(RESULTS, timeout_s=20)
        fields = {name: values[-1] for name, values in parse_qs(result.body.decode()).items()}
        if fields.get("call_id") != str(call_id) or fields.get("status") != "completed":
            raise StepFailed(f"result_url got {result.body.decode()}")
        self.steps.say(
            f"result_url got status={fields['status']} duration={fields['duration']}, "
            f"signed {result.headers['webhook-signature'][:14]}…"
        )

    async def _show(self, api: httpx.AsyncClient, ready: dict[str, Any], call_id: int) -> None:
        (call,) = (await api.get(f"/v1/outbound/{call_id}")).json()["calls"]
        session_id = call["session_id"]
        shown = (await api.get(f"/v1/calls/{session_id}")).json()
        log = await api.get(f"/api/call/{session_id}")
        if log.status_code != 200 or not shown["transcript"]:
            raise StepFailed(f"GET /api/call/{session_id} answered {log.status_code}")
        click.echo("\nThe call as a transcript:\n" + _indented(shown["transcript"]))
        click.echo(f"GET /api/call/{session_id}:")
        for entry in log.json():
            click.echo(f"    {entry['timestamp']}  {entry['class']:<6}  {entry['event']['line']}")
        recordings = sorted(Path(ready["recordings_dir"]).rglob(f"{session_id.replace(';', '-')}.wav"))
        if not recordings:
            raise StepFailed("there is no recording")
        click.echo(f"\nRecording of both sides: {recordings[0]}")
        click.echo("\nThe same by hand:")
        click.echo(
            f"    curl -u '{ready['email']}:{ready['developer_key']}' -F phone_number={self.number} \\\n"
            f"         {ready['base_url']}/api/apps/{ready['application_id']}/{ready['deployment_id']}/queue\n"
        )


class PhoneEvents:
    """What the test phone appends to its file from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = path.stat().st_size if path.exists() else 0

    def new(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open() as file:
            file.seek(self._at)
            while (line := file.readline()).endswith("\n"):
                self._at = file.tell()
                yield json.loads(line)


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
