"""Modules that ask, on real calls: the test phone hears the prompts and presses the keys over RTP."""

import pytest

pytestmark = pytest.mark.wire

START = {"name": "start", "type": "start", "exits": {"next": "ask"}}
END = {"name": "end", "type": "exit"}
ONE, TWO_THEN_FIFTEEN = "12125550101", "12125550102"


def _application(name: str, *modules: dict) -> dict:
    return {"name": name, "pages": [{"name": "Main", "modules": [START, *modules, END]}]}


async def _transcript(platform, application: dict, number: str, **fields) -> list[str]:
    deployment = await platform.deploy(application)
    over = await platform.over(await platform.queue(number, deployment=deployment, **fields))
    assert over["details"]["status"] == "completed", over
    (call,) = over["calls"]
    return (await platform.call(call["session_id"]))["transcript"].splitlines()


async def test_yes_no_and_number(platform):
    ask = {"name": "ask", "type": "yes_no", "prompt": "Is it one?", "exits": {"yes": "end", "no": "many"}}
    many = {"name": "many", "type": "number", "prompt": "How many?", "currency": True, "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "{{ ask }}, {{ many }}.", "exits": {"next": "end"}}
    assert await _transcript(platform, _application("Count", ask, many, said), TWO_THEN_FIFTEEN) == [
        "hears   Is it one?",
        "presses 2",
        "hears   How many?",
        "presses 15",
        "hears   no, 15.00.",
        "call ends",
    ]


async def test_a_dynamic_menu_from_the_calls_metadata(platform):
    ask = {"name": "ask", "type": "dynamic_menu", "prompt": "Choose.", "options": "menu", "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "You chose {{ ask }}.", "exits": {"next": "end"}}
    menu = [{"dtmf": 1, "value": "tea", "prompt": {"en-US": "For tea, press 1."}}, {"dtmf": 2, "value": "coffee"}]
    heard = await _transcript(platform, _application("Drinks", ask, said), ONE, metadata={"menu": menu})
    assert heard == ["hears   Choose.", "hears   For tea, press 1.", "presses 1", "hears   You chose tea.", "call ends"]


async def test_pages_and_a_counter(platform):
    start = {"name": "begin", "type": "start", "exits": {"next": "visits"}}
    visits = {
        "name": "visits",
        "type": "counter",
        "rows": [{"value": "2", "exit": "twice"}],
        "exits": {"twice": "leave", "otherwise": "back"},
    }
    leave = {"name": "leave", "type": "prompt", "prompt": "Goodbye.", "exits": {"next": "stop"}}
    other = [
        start,
        visits,
        {"name": "back", "type": "go_to_page", "page": "Main"},
        leave,
        {"name": "stop", "type": "exit"},
    ]
    ask = {"name": "ask", "type": "prompt", "prompt": "Hello.", "exits": {"next": "log"}}
    log = {"name": "log", "type": "call_log", "text": "Visit after {{ visits }}", "exits": {"next": "go"}}
    application = _application("Pages", ask, log, {"name": "go", "type": "go_to_page", "page": "Other"})
    application["pages"][0]["modules"].remove(END)
    application["pages"].append({"name": "Other", "modules": other})
    assert await _transcript(platform, application, ONE) == [
        "hears   Hello.",
        "hears   Hello.",
        "hears   Goodbye.",
        "call ends",
    ]
