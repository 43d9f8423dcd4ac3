"""What is odd about an application: found where it is, and not where all is well."""

from pathlib import Path
from typing import Any

import pytest

from callwright.flow.application import build, parse
from callwright.flow.audio_names import AudioTable, NamedAudio
from callwright.flow.inspection import Finding, dependencies, inspect
from callwright.services.first_start import starter_document

pytestmark = pytest.mark.pure

START = {"name": "start", "type": "start", "exits": {"next": "say"}}
SAY = {"name": "say", "type": "prompt", "prompt": "Hello.", "exits": {"next": "end"}}
END = {"name": "end", "type": "exit"}
FILE = "sha256:" + "1" * 64


def _application(*modules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "A", "pages": [{"name": "Main", "modules": [START, *modules, END]}], **more}


def _compare(name: str, variable: str, to: str) -> dict[str, Any]:
    exits = {"x": to, "otherwise": "end"}
    return {
        "name": name,
        "type": "compare",
        "variable": variable,
        "rows": [{"value": "x", "exit": "x"}],
        "exits": exits,
    }


def _found(*modules: dict[str, Any], audio: Any = None, **more: Any) -> list[tuple[str, str, str]]:
    return [(one.level, one.kind, one.module) for one in inspect(build(_application(*modules, **more)), audio)]


def test_all_is_well() -> None:
    assert _found(SAY) == []
    assert inspect(parse(starter_document())) == []


@pytest.mark.parametrize("text", ["{{ who }}", "{{ who.name[0] }}", "{{ say$.size }} {{ who | date }}"])
def test_a_variable_that_nobody_sets(text: str) -> None:
    assert _found(SAY | {"prompt": text}) == [("warning", "variable", "say")]
    assert _found(SAY | {"prompt": text}, variables={"who": ""}) == []


def test_variables_that_modules_set() -> None:
    script = {
        "name": "script",
        "type": "evaluate_js",
        "script": "{{ made }} += 1; {{ seen }} == 2",
        "exits": {"next": "say"},
    }
    sets = {
        "name": "sets",
        "type": "set_variable",
        "assignments": [{"variable": "a.b", "value": 1}],
        "exits": {"next": "script"},
    }
    say = SAY | {"prompt": "{{ made }} {{ a.b }} {{ script }} {{ session.id }} {{ lastresult$.utterance }}"}
    start = START | {"exits": {"next": "sets"}}
    document = _application(sets, script, say)
    document["pages"][0]["modules"][0] = start
    assert [str(one) for one in inspect(build(document))] == [
        "warning: page 'Main', module 'script': variable seen is never set here; it has to come with the call"
    ]


def test_a_path_that_is_a_setting() -> None:
    compare = {
        "name": "say",
        "type": "compare",
        "variable": "who",
        "rows": [{"value": "x", "exit": "x"}],
        "exits": {"x": "end", "otherwise": "end"},
    }
    assert _found(compare) == [("warning", "variable", "say")]


def test_a_module_that_no_call_comes_to() -> None:
    lonely = {"name": "lonely", "type": "prompt", "prompt": "x", "exits": {"next": "end"}}
    assert _found(SAY, lonely) == [("warning", "unreachable", "lonely")]
    page = {"name": "Other", "modules": [START | {"name": "s2", "exits": {"next": "e2"}}, END | {"name": "e2"}]}
    document = _application(SAY)
    document["pages"].append(page)
    assert [one.module for one in inspect(build(document))] == ["s2", "e2"]
    document["input"] = {"no_input": {"attempts": [""], "then": "page", "page": "Other"}}
    document["pages"][0]["modules"][1] = {"name": "say", "type": "yes_no", "exits": {"yes": "end", "no": "end"}}
    assert inspect(build(document)) == []


def test_loops_that_ask_nothing() -> None:
    again = {"name": "again", "type": "go_to_page", "page": "Main"}
    assert _found(SAY | {"exits": {"next": "again"}}, again) == [
        ("error", "cycle", "again"),
        ("warning", "unreachable", "end"),
    ]
    choice = {
        "name": "again",
        "type": "compare",
        "variable": "session.id",
        "rows": [{"value": "x", "exit": "x"}],
        "exits": {"x": "say", "otherwise": "end"},
    }
    assert _found(SAY | {"exits": {"next": "again"}}, choice) == [("warning", "cycle", "again")]
    asks = {"name": "again", "type": "yes_no", "exits": {"yes": "say", "no": "end"}}
    assert _found(SAY | {"exits": {"next": "again"}}, asks) == []
    itself = SAY | {"exits": {"next": "say"}}
    assert _found(itself) == [("error", "cycle", "say"), ("warning", "unreachable", "end")]


def test_languages_and_audio() -> None:
    prompt = {"en-US": "Hello.", "de-DE": "Hallo."}
    assert _found(SAY | {"prompt": prompt}, languages=["de-AT", "fr-FR"]) == [("warning", "language", "say")]
    audio = SAY | {"prompt": [{"audio": "welcome"}]}
    assert _found(audio) == [], "nothing is known of the files"
    nothing, error, warning = AudioTable(), [("error", "audio", "say")], [("warning", "audio", "say")]
    assert _found(audio, audio=nothing) == error
    assert _found(SAY | {"prompt": [{"audio": "welcome", "text": "Hello."}]}, audio=nothing) == warning
    written = AudioTable({"welcome": {"en-US": NamedAudio(words="Welcome.")}})
    assert _found(audio, audio=written) == warning, "not recorded yet"
    recorded = AudioTable({"welcome": {"en-US": NamedAudio(FILE)}})
    assert _found(audio, audio=recorded) == []
    assert _found(audio, audio=recorded, languages=["de-DE"]) == warning


def test_a_file_that_is_named_by_its_content() -> None:
    audio = SAY | {"prompt": [{"audio": FILE}, {"audio": "tone:beep"}]}
    assert _found(audio, audio=AudioTable()) == [("error", "audio", "say")]
    assert _found(audio, audio=AudioTable(files=[FILE])) == []


def test_audio_is_found_wherever_a_prompt_may_stand() -> None:
    name = [{"audio": "welcome"}]
    menu = {
        "name": "ask",
        "type": "menu",
        "prompt": name,
        "no_match": {"attempts": [name]},
        "choices": [{"keys": "1", "value": "one"}],
        "exits": {"one": "end"},
    }
    document = {"input": {"no_input": {"attempts": [{"en-US": name}]}}, "hold": name}
    found = _found(SAY | {"exits": {"next": "ask"}}, menu, audio=AudioTable(), **document)
    assert [module for _, kind, module in found if kind == "audio"] == ["", "", "ask", "ask"]


def test_what_an_application_needs() -> None:
    folder = Path(__file__).parent / "modules"
    needs = dependencies(parse((folder / "go_to_app" / "application.yaml").read_text()))
    assert (needs.applications, needs.variables) == (["Payment"], ["owed"])
    mail = dependencies(parse((folder / "email" / "application.yaml").read_text()))
    assert mail.mail == ["desk@example.com, {{ who }}", "{{ nobody }}"]
    soap = dependencies(parse((folder / "soap" / "application.yaml").read_text()))
    assert soap.services == ["https://service.example/?wsdl", "https://service.example/quote?wsdl"]


def test_an_error_says_where_it_is() -> None:
    assert str(Finding("error", "cycle", "endless", "Main", "say")) == "error: page 'Main', module 'say': endless"
    assert str(Finding("warning", "audio", "missing")) == "warning: missing"
