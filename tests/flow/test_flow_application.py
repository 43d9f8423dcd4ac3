"""Documents: what is accepted, and how each error names its page, module and field."""

import json

import pytest

from callwright.flow.application import DOCUMENT_BYTES_MAX, ERRORS_MAX, DocumentError, parse

pytestmark = pytest.mark.pure

START = {"name": "start", "type": "start", "exits": {"next": "end"}}
END = {"name": "end", "type": "exit"}
ASK = {"name": "ask", "type": "menu", "choices": [{"keys": "1", "value": "one"}], "exits": {"one": "end"}}


def made(kind: str, **settings: object) -> dict:
    """A module of this kind that leads to the end."""
    return {"name": "ask", "type": kind, "exits": {"next": "end"}, **settings}


def document(*modules: dict, **changes: object) -> str:
    return json.dumps({"name": "Test", "pages": [{"name": "Main", "modules": [START, *modules, END]}]} | changes)


def errors(text: str) -> list[tuple[str, str, str, str]]:
    with pytest.raises(DocumentError) as raised:
        parse(text)
    return [(error.page, error.module, error.field, error.message) for error in raised.value.errors]


def test_json_and_yaml_are_the_same_document() -> None:
    yaml = """
name: Test
pages:
  - name: Main
    modules:
      - {name: start, type: start, exits: {next: end}}
      - name: ask
        type: menu
        choices: [{keys: 1, value: one}]
        exits: {one: end}
      - {name: end, type: exit}
"""
    assert parse(yaml).model_dump() == parse(document(ASK)).model_dump()


def test_words_of_yaml_are_words() -> None:
    """`yes`, `no`, `on` and a time are what they look like, and zeros before a number are kept."""
    parsed = parse("""
name: Test
variables: {when: 12:30, day: 2026-01-31, zip: 01234, count: 3, share: 0.5, sure: true, none: ~}
pages:
  - name: on
    modules:
      - {name: start, type: start, exits: {next: ask}}
      - name: ask
        type: menu
        choices: [{keys: 1, value: yes}, {keys: 02, value: no}]
        exits: {yes: end, no: end}
      - {name: end, type: exit}
""")
    assert parsed.variables == {
        "when": "12:30", "day": "2026-01-31", "zip": "01234", "count": 3, "share": 0.5, "sure": True, "none": None,
    }  # fmt: skip
    assert parsed.pages[0].name == "on"
    assert [(c.keys, c.value) for c in parsed.pages[0].modules[1].choices] == [("1", "yes"), ("02", "no")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "A document is an object"),
        ("[]", "A document is an object"),
        ("just words", "A document is an object"),
        ("{", "neither JSON nor YAML"),
        ("a: [", "neither JSON nor YAML"),
        ("a: &x [1]\nb: *x", r"line 2: aliases \(\*name\) cannot be used"),
        ("1: 2", "line 1: the key 1 is not text"),
        ("a: 1\n? [b]\n: c", "line 2: the key .* is not text"),
        ("a: 1\nb: {a: 1, b: 2}\na: 3", "line 3: the key 'a' stands twice"),
        ("a: !!python/object:os.system x", "line 1: the tag .*os.system cannot be used"),
        ("a: !!int '5'", "line 1: the tag .* cannot be used"),
        ("a:\n  !x [b]", "line 2: the tag !x cannot be used"),
        ("a: 1\n---\nb: 2", "line 2: there is more than one document"),
        ("- " * 60 + "[" * 200, "nested more than 100 deep"),
        ('{"a":' * 3000 + "1" + "}" * 3000, "nested more than 100 deep"),
        ('{"name":' + "[" * 100 + "]" * 100 + "}", "nested more than 100 deep"),
        ('{"name":' + "[" * 99 + "]" * 99 + "}", "field 'name'"),
        ('{"name": "\\ud800", "pages": []}', "half a surrogate pair"),
        ('{"name": "a\\u0000b", "pages": []}', r"U\+0000"),
        ('name: "a\\0b"', r"U\+0000"),
        ("name: 1e999", "too large"),
        ('{"name": NaN}', "NaN is not JSON"),
        ("x" * (DOCUMENT_BYTES_MAX + 1), f"at most {DOCUMENT_BYTES_MAX} bytes"),
    ],
)
def test_what_is_no_document(text: str, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        parse(text)


@pytest.mark.parametrize(
    ("module", "field", "message"),
    [
        ({**ASK, "choices": []}, "choices", "at least 1 item"),
        ({**ASK, "choices": [{"keys": "x", "value": "one"}]}, "choices.0.keys", "pattern"),
        ({**ASK, "choices": [{"keys": "1", "value": "one"}, {"keys": "1", "value": "two"}]}, "", "two choices have the same keys"),
        ({**ASK, "choices": [{"keys": "1", "value": "no_match"}]}, "", "exits of every input module"),
        ({**ASK, "unknown": 1}, "unknown", "not permitted"),
        ({**ASK, "prompt": "Hello {{ 1 }}"}, "prompt", "not a variable"),
        ({**ASK, "prompt": [{"text": "x"}, {"audio": "sha256:12"}]}, "prompt.1.audio", "pattern"),
        ({**ASK, "name": "1x"}, "name", "pattern"),
        ({**ASK, "name": "x" * 65}, "name", "at most 64"),
        ({**ASK, "type": "dance"}, "type", "type must be one of address, call_log, call_recording, compare"),
        ({"name": "ask"}, "type", "type must be one of"),
        (made("digits", digits_min=5, digits_max=4), "", "greater than digits_max"),
        (made("digits", digits_max=129), "digits_max", "less than or equal to 128"),
        (made("digits", initial_timeout_s=121), "initial_timeout_s", "120"),
        (made("rest", url=""), "url", "at least 1"),
        (made("rest", url="x", body="x"), "", "GET has parameters"),
        (made("rest", url="x", headers=[{"name": "A\r\nB"}]), "headers.0.name", "pattern"),
        (made("set_variable", assignments=[{"variable": "a b", "value": 1}]), "assignments.0.variable", "not a variable"),
        (made("set_variable", assignments=[{"variable": "session.id", "value": 1}]), "", "set by the platform"),
        (made("compare", variable="x", rows=[{"value": "1", "exit": "otherwise"}]), "rows", "when no row is true"),
        (made("compare", variable="x y", rows=[{"value": "1", "exit": "a"}]), "variable", "not a variable"),
        ({**ASK, "exits": {}}, "exits", "exit 'one' leads nowhere"),
        ({**ASK, "exits": {"one": "end", "two": "end"}}, "exits", "'two' is not an exit of this module; it has one,"),
        ({**ASK, "exits": {"one": "nowhere"}}, "exits", "the page has no module of that name"),
        (made("counter", rows=[]), "rows", "at least 1"),
        (made("counter", rows=[{"value": 1, "exit": "otherwise"}]), "rows", "when no row is true"),
        (made("number", decimals_min=3, decimals_max=2), "", "greater than decimals_max"),
        (made("number", decimals_min=3, currency=True), "", "at most 2 decimal places"),
        (made("dynamic_menu", options="a b"), "options", "not a variable"),
        (made("call_log", text=""), "text", "at least 1"),
        ({**made("go_to_page", page="Nowhere"), "exits": {}}, "page", "the application has no page 'Nowhere'"),
        ({**made("label", text="x"), "exits": {"next": "end"}}, "exits", "'next' is not an exit of this module"),
    ],
)  # fmt: skip
def test_an_error_names_its_place(module: dict, field: str, message: str) -> None:
    ((page, name, named, said),) = errors(document(module))[:1]
    assert (page, name) == ("Main", module["name"])
    assert named.startswith(field) and message in said


def test_names_are_used_once_in_all_pages() -> None:
    other = {**START, "name": "begin"}
    pages = [{"name": "A", "modules": [START, END]}, {"name": "B", "modules": [other, END]}]
    assert errors(document(pages=pages)) == [("B", "end", "name", "Another module has the same name")]


def test_pages_have_names_of_their_own() -> None:
    begin, stop = {**START, "name": "begin", "exits": {"next": "stop"}}, {**END, "name": "stop"}
    pages = [{"name": "A", "modules": [START, END]}, {"name": "A", "modules": [begin, stop]}]
    assert errors(document(pages=pages)) == [("A", "", "name", "Another page has the same name")]


def test_no_exit_leads_to_a_label() -> None:
    note = {"name": "note", "type": "label", "text": "Look here"}
    start = {**START, "exits": {"next": "note"}}
    ((_, name, field, said),) = errors(document(pages=[{"name": "Main", "modules": [start, note, END]}]))
    assert (name, field) == ("start", "exits") and "calls come by" in said


def test_exits_stay_on_their_page() -> None:
    begin = {**START, "name": "begin"}
    pages = [{"name": "A", "modules": [START]}, {"name": "B", "modules": [begin, END]}]
    assert [(page, module, field) for page, module, field, _ in errors(document(pages=pages))] == [
        ("A", "start", "exits")
    ]


@pytest.mark.parametrize("count", [0, 2])
def test_a_page_starts_once(count: int) -> None:
    starts = [{**START, "name": f"start{n}"} for n in range(count)]
    (told,) = errors(document(pages=[{"name": "Main", "modules": [*starts, END]}]))
    assert told[2:] == ("modules", f"A page has one module of type start; this one has {count}")


def test_all_errors_are_told_up_to_a_limit() -> None:
    modules = [{**ASK, "name": f"ask{n}", "exits": {"one": "nowhere"}} for n in range(60)]
    assert len(errors(document(*modules))) == ERRORS_MAX
    assert len(errors(document(*modules[:3]))) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"callwright": "2"}, "callwright"),
        ({"language": "english"}, "language"),
        ({"variables": {"a b": 1}}, "variables"),
        ({"variables": {"x" * 65: 1}}, "variables"),
        ({"input": {"no_match": {"attempts": []}}}, "input.no_match.attempts"),
        ({"input": {"no_input": {"attempts": [""] * 21}}}, "input.no_input.attempts"),
        ({"input": {"no_input": {"attempts": [""], "then": "page"}}}, "input.no_input"),
        ({"input": {"no_input": {"attempts": [""], "then": "page", "page": "Nowhere"}}}, "input"),
        ({"callwright": 3}, "callwright"),
        ({"pages": []}, "pages"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_fields_of_the_application(change: dict, field: str) -> None:
    ((page, module, named, _),) = errors(document(**change))[:1]
    assert (page, module) == ("", "") and named.startswith(field)
