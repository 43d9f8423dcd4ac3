"""The page docs/reference/transcripts.md says what is read: each line of its table is parsed, plays as it says, and matters."""

import re
from pathlib import Path

import pytest

from callwright.flow.application import parse
from callwright.rehearsal.transcript import VERBS, TranscriptError, play
from callwright.rehearsal.transcript import parse as parse_transcript

pytestmark = pytest.mark.pure

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "transcripts.md"

APPLICATION = """
name: Everything
input: {no_match: {attempts: [Wrong., Wrong.]}, no_input: {attempts: [Nothing., Nothing.]}}
pages:
  - name: Main
    modules:
      - {name: start, type: start, exits: {next: which}}
      - name: which
        type: compare
        variable: "do"
        rows:
          - {value: ask, exit: ask}
          - {value: record, exit: record}
          - {value: transfer, exit: transfer}
          - {value: rest, exit: rest}
          - {value: mail, exit: mail}
          - {value: who, exit: who}
        exits: {who: who, ask: ask, record: record, transfer: transfer, rest: rest, mail: mail, otherwise: bye}
      - {name: ask, type: digits, speech: true, prompt: Pin?, digits_max: 4, exits: {next: asked, no_input: bye, no_match: bye}}
      - {name: asked, type: prompt, prompt: "{{ ask }} by {{ ask$.inputmode }}, {{ ask$.confidence }}.", exits: {next: bye}}
      - {name: record, type: record, prompt: Speak., ends_at_beep: true, exits: {next: recorded}}
      - {name: recorded, type: prompt, prompt: "{{ record$.duration }} s {{ record }}", exits: {next: bye}}
      - {name: transfer, type: transfer, destination: "6175550100", custom_errors: true,
         exits: {next: transferred, no_answer: transferred, error: transferred}}
      - {name: transferred, type: prompt, prompt: "{{ transfer }} {{ transfer$.duration }}.", exits: {next: bye}}
      - {name: rest, type: rest, url: "https://x.example/", exits: {next: got, error: bye}}
      - {name: got, type: prompt, prompt: "{{ rest.a }}.", exits: {next: bye}}
      - {name: who, type: prompt, prompt: Who?, exits: {next: callee}}
      - {name: callee, type: prompt, prompt: "A {{ session.connection.callee_type }}.", exits: {next: bye}}
      - {name: mail, type: email, to: a@example.com, subject: x, exits: {next: sent, error: bye}}
      - {name: sent, type: prompt, prompt: Sent., exits: {next: bye}}
      - {name: bye, type: prompt, prompt: Bye., exits: {next: end}}
      - {name: end, type: exit}
"""

BYE = "\nhears Bye.\ncall ends"
FORMS: dict[str, tuple[str, str, str]] = {
    "variable NAME = VALUE": ("variable do = rest", 'service 200 {"a": 1}\nhears 1.' + BYE, "variable do = x"),
    "hears TEXT": ("hears   Bye.", "call ends", "hears Goodbye."),
    "presses KEYS": ("presses 12*#", "", ""),
    "silence": ("silence", "hears Nothing.\nhears Pin?\nsilence\nhears Nothing." + BYE, "presses 1234"),
    "says (SECONDS s)": ("says (20.5 s)", "hears 20.5 s (recording)" + BYE, "says (3 s)"),
    "says WORDS": ("says one two three four five", "hears 2 s (recording)" + BYE, "says one two three four"),
    "says WORDS (confidence 0.7)": (
        "says one two three four (confidence 0.7)",
        "hears 1234 by voice, 0.7." + BYE,
        "presses 1234",
    ),
    "says ...": ("says ...", "hears Wrong.\nhears Pin?\nsays ...\nhears Wrong." + BYE, "says one two three four"),
    "texts TEXT": ("texts one two three four", "hears 1234 by text, 1." + BYE, "texts 1235"),
    "beeps": ("beeps", "hears 0 s (recording)" + BYE, "says (3 s)"),
    "callee TYPE": ("callee fax", "hears A fax." + BYE, "callee voice"),
    "hangs up": ("hangs up", "", "silence"),
    "far end SECONDS s": ("far end 35 s", "hears far_end_disconnect 35." + BYE, "far end 36 s"),
    "far end no answer": ("far end no answer", "hears noanswer 0." + BYE, "far end busy"),
    "far end busy": ("far end busy", "hears busy 0." + BYE, "far end no answer"),
    "far end fails REASON": ("far end fails 404 Not Found", "hears ." + BYE, "far end busy"),
    "service STATUS BODY": ('service 200 {"a": 5}', "hears 5." + BYE, 'service 200 {"a": 6}'),
    "service fails REASON": ("service fails no route to host", "hears Bye.\ncall ends", "service 200 {}"),
    "call ends": ("call ends", "", "hangs up"),
    "# …": ("# a comment", "hears Bye.\ncall ends", "hears a comment"),
}
"""Each form: a line of it, the lines after it, and another line in its place with which the call goes another way."""

BEFORE = {
    "presses KEYS": "variable do = ask\nhears Pin?\n",
    "silence": "variable do = ask\nhears Pin?\n",
    "says (SECONDS s)": "variable do = record\nhears Speak.\n",
    "says WORDS": "variable do = record\nhears Speak.\n",
    "says WORDS (confidence 0.7)": "variable do = ask\nhears Pin?\n",
    "says ...": "variable do = ask\nhears Pin?\n",
    "beeps": "variable do = record\nhears Speak.\n",
    "callee TYPE": "variable do = who\nhears Who?\n",
    "texts TEXT": "variable do = ask\ntexts hello\nhears Pin?\n",
    "hangs up": "variable do = ask\nhears Pin?\n",
    "far end SECONDS s": "variable do = transfer\n",
    "far end no answer": "variable do = transfer\n",
    "far end busy": "variable do = transfer\n",
    "far end fails REASON": "variable do = transfer\n",
    "service STATUS BODY": "variable do = rest\n",
    "service fails REASON": "variable do = rest\n",
    "call ends": "hears Bye.\n",
}
FORMS["presses KEYS"] = ("presses 1234", "hears 1234 by dtmf, 1." + BYE, "presses 1235")
FORMS["call ends"] = ("call ends", "", "silence")


def _forms() -> list[str]:
    """Of the first column of the page's table."""
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return [form for row in rows for form in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def test_the_page_and_the_tests_have_the_same_lines() -> None:
    written = _forms()
    assert {*written} | {"says ..."} == {*FORMS}
    assert all(any(form.startswith(verb) for form in written) for verb in VERBS)


@pytest.mark.parametrize("form", FORMS)
def test_a_line_of_the_page_plays_as_it_says(form: str) -> None:
    line, after, other = FORMS[form]
    application = parse(APPLICATION)
    played = play(application, parse_transcript(f"{BEFORE.get(form, '')}{line}\n{after}"))
    assert played.mismatch is None, str(played.mismatch)
    changed = play(application, parse_transcript(f"{BEFORE.get(form, '')}{other}\n{after}"))
    assert changed.mismatch is not None, "the line matters"


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_is_written_wrong_is_refused(verb: str) -> None:
    with pytest.raises(TranscriptError):
        parse_transcript(f"{verb}s x")


def test_the_example_of_the_page_is_one() -> None:
    (example,) = re.findall(r"```\n(# A caller.*?)```", PAGE.read_text(), re.S)
    script = parse_transcript(example)
    assert script.variables == {"first_name": "Ann"} and script.steps[-1].verb == "call ends"


SAID_IN_THE_TEXT = {
    "service 200 {}": "a body of JSON",
    'service 200 "name,age\\nAnn,3"': "text with JSON's escapes",
    "service 200 text as it is": "text",
    "says Four, one, two, three.": "capitals and punctuation",
}


@pytest.mark.parametrize("line", SAID_IN_THE_TEXT)
def test_what_the_text_below_the_table_says_is_read(line: str) -> None:
    assert parse_transcript(line).steps
