"""What is odd about an application: found where it is, and not where all is well."""

import re
from pathlib import Path
from typing import Any

import pytest

from callwright.flow.application import DocumentError, build, parse
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
    counted = {
        "name": "again",
        "type": "counter",
        "rows": [{"operator": "<", "value": "3", "exit": "x"}],
        "exits": {"x": "say", "otherwise": "end"},
    }
    assert _found(SAY | {"exits": {"next": "again"}}, counted) == [], "it says itself how often"
    stuck = counted | {"exits": {"x": "say", "otherwise": "say"}}
    assert _found(SAY | {"exits": {"next": "again"}}, stuck)[0] == ("error", "cycle", "again")
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


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("session.id", True),
        ("session.connection.ani", True),
        ("session.connection.ani.length", True),
        ("session.connection", True),
        ('session.connection.protocol.sip.headers["x-a"]', True),
        ("session", True),
        ("session.ani", False),
        ("session.connection.callerid", False),
        ("session.id.x", False),
        ("session[0]", False),
    ],
)
def test_a_variable_that_the_platform_has_not(name: str, is_known: bool) -> None:
    assert _found(SAY | {"prompt": f"{{{{ {name} }}}}"}) == ([] if is_known else [("warning", "variable", "say")])


def test_variables_in_the_settings_of_the_application() -> None:
    assert _found(SAY, hold="Wait, {{ who }}.") == [("warning", "variable", "")]
    failures = {"attempts": ["No {{ what }}."], "then": "transfer", "transfer_to": "{{ desk }}"}
    assert _found(SAY, input={"no_match": failures}) == [("warning", "variable", "")] * 2
    assert _found(SAY, input={"no_match": failures}, variables={"what": 1, "desk": 2}) == []


def test_another_application_may_ask_the_caller_for_something() -> None:
    other = {"name": "again", "type": "go_to_app", "application": "Survey", "exits": {"next": "say"}}
    compare = _compare("which", "session.id", "again") | {"exits": {"x": "again", "otherwise": "end"}}
    assert _found(SAY | {"exits": {"next": "which"}}, compare, other) == []


ASK = {"name": "say", "type": "yes_no", "prompt": "Sì?", "exits": {"yes": "end", "no": "end"}}


def test_what_nobody_has_written_is_not_in_every_language() -> None:
    assert _found(ASK, language="de-AT") == []
    assert _found(SAY, language="it-IT") == [], "nobody is asked"
    told = [str(one) for one in inspect(build(_application(ASK, language="it-IT")))]
    assert told == [
        f"warning: input.{name} is not written, and what is said in its place is English in it-IT"
        for name in ("no_match", "no_input")
    ]
    own = {"attempts": ["Ancora, per favore."]}
    assert _found(ASK, language="it-IT", input={"no_match": own, "no_input": own}) == []
    assert _found(ASK | {"no_match": own, "no_input": own}, language="it-IT") == []


def test_types_of_values_are_not_in_every_language() -> None:
    say = SAY | {"prompt": "{{ session.id | digits }}"}
    assert _found(say, languages=["fr-CA"]) == []
    assert [str(one) for one in inspect(build(_application(say, languages=["it-IT"])))] == [
        "warning: page 'Main', module 'say': digits are said in English where the call is in it-IT"
    ]
    spoken = SAY | {"prompt": {"en-US": "Hi.", "it-IT": [{"audio": "ciao", "text": "{{ session.id | date }}"}]}}
    assert ("warning", "language", "say") in _found(spoken, languages=["it-IT"])


def test_a_module_that_does_nothing_yet() -> None:
    voice = {"name": "say", "type": "subdialog", "url": "https://x.example/{{ who }}", "exits": {"next": "end"}}
    assert _found(voice, variables={"who": ""}) == [("warning", "unfinished", "say")]
    assert dependencies(build(_application(voice))).services == ["https://x.example/{{ who }}"]


def test_where_it_transfers_to() -> None:
    desk = {"name": "say", "type": "transfer", "destination": "6175550100", "exits": {"next": "ask"}}
    failures = {"attempts": [""], "then": "transfer", "transfer_to": "sip:desk@example.com"}
    ask = ASK | {"name": "ask", "no_match": failures}
    more = {"input": {"no_input": failures | {"transfer_to": "6175550199"}}}
    found = dependencies(build(_application(desk, ask, **more)))
    assert found.transfers == ["6175550100", "6175550199", "sip:desk@example.com"]


def test_nothing_is_odd_about_the_tutorial() -> None:
    page = Path(__file__).parents[2] / "docs" / "tutorial" / "first-application.md"
    documents = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(documents) == 1
    for document in documents:
        assert inspect(parse(document), AudioTable()) == []


@pytest.mark.parametrize("exit", ["yes", "no"])
def test_an_exit_that_dangles_is_told_with_its_module(exit: str) -> None:
    exits = {"yes": "end", "no": "end"}
    del exits[exit]
    with pytest.raises(DocumentError, match=f"page 'Main', module 'say', field 'exits': exit '{exit}' leads nowhere"):
        build(_application(ASK | {"exits": exits}))
    exits[exit] = "nowhere"
    with pytest.raises(DocumentError, match="leads to 'nowhere', and the page has no module of that name"):
        build(_application(ASK | {"exits": exits}))
