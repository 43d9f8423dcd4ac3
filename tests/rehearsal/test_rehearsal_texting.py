"""Conversations by text in transcripts: what modules do in them, and what a transcript of one may say."""

import pytest

from callwright.flow.application import Application, build
from callwright.rehearsal.transcript import Played, TranscriptError, play
from callwright.rehearsal.transcript import parse as parse_transcript
from callwright.session.lines import lines
from callwright.session.transcript import transcript

pytestmark = pytest.mark.pure

START = {"name": "start", "type": "start", "exits": {"next": "first"}}
END = {"name": "end", "type": "exit"}
APOLOGY = "hears   We are sorry. An error has occurred. Goodbye.\n"


def _application(*modules: dict, **document) -> Application:
    names = ["first", *(f"m{number}" for number in range(1, len(modules)))]
    joined = [
        {"exits": {"next": following}} | module | {"name": module.get("name", name)}
        for name, following, module in zip(names, [*names[1:], "end"], modules, strict=True)
    ]
    return build({"name": "A", "pages": [{"name": "Main", "modules": [START, *joined, END]}], **document})


def _played(application: Application, text: str) -> Played:
    played = play(application, parse_transcript(text))
    assert played.mismatch is None, str(played.mismatch)
    assert transcript(played.journal) == text, "a conversation becomes its own transcript"
    return played


SURVEY = _application(
    {"type": "yes_no", "name": "first", "prompt": "Will you come?", "exits": {"yes": "m1", "no": "m2"}},
    {"type": "number", "prompt": "How many?", "exits": {"next": "m2"}},
    {"type": "prompt", "prompt": "{{ first }}, {{ m1 }}, {{ lastresult$.inputmode }}, {{ session.text }}."},
)


def test_a_conversation():
    played = _played(
        SURVEY,
        "texts   hello\nhears   Will you come?\ntexts   yes please\nhears   How many?\ntexts   2\n"
        "hears   yes, 2, text, hello.\ncall ends\n",
    )
    told = [line.line for line in lines(played.journal)]
    assert "Text: hello" in told and "User input: yes please (text)" in told


def test_a_mistake_is_told_and_asked_again():
    _played(
        SURVEY,
        "texts   hi\nhears   Will you come?\ntexts   perhaps\nhears   Sorry, that is not a valid choice.\n"
        "hears   Will you come?\ntexts   2\nhears   no, , text, hi.\ncall ends\n",
    )


def test_somebody_who_writes_no_more():
    _played(SURVEY, "texts   hi\nhears   Will you come?\nhangs up\n")


def test_a_transfer_fails_by_its_exit():
    transfer = {"type": "transfer", "prompt": "One moment.", "destination": "6175550100", "custom_errors": True}
    transfer["exits"] = {"next": "end", "error": "m1", "no_answer": "end"}
    told = _played(
        _application(transfer, {"type": "prompt", "prompt": "Please call us."}),
        "texts   hi\nhears   One moment.\nhears   Please call us.\ncall ends\n",
    )
    assert any("no voice" in str(line.data) for line in lines(told.journal))


@pytest.mark.parametrize("kind", ["record", "name", "address"])
def test_nobody_can_leave_a_message(kind):
    played = play(_application({"type": kind, "prompt": "Speak."}), parse_transcript(f"texts hi\n{APOLOGY}call ends"))
    assert played.outcome is not None and played.outcome.kind == "error"
    assert played.outcome.message == "There is no voice in a conversation by text: nobody can leave a message"
    assert played.mismatch is not None and "no voice" in played.mismatch.happened


def test_recordings_record_nothing_and_services_are_asked():
    application = _application(
        {"type": "call_recording", "action": "start"},
        {"type": "rest", "url": "https://x.example/", "name": "m1", "exits": {"next": "m2"}},
        {"type": "call_recording", "action": "stop"},
        {"type": "prompt", "prompt": [{"audio": "tone:beep", "text": "Got"}, {"text": "{{ m1.a }}"}]},
        recording=True,
        post_call={"type": "rest", "url": "https://x.example/done"},
    )
    _played(
        application, 'texts   hi\nservice 200 {"a": 1}\nhears   Got 1\ncall ends\nservice 500 down\nservice 200 {}\n'
    )


def test_a_private_answer_is_not_kept():
    application = _application({"type": "digits", "private": True, "prompt": "Pin?", "digits_min": 4})
    played = play(application, parse_transcript("texts hi\nhears Pin?\ntexts 4711\ncall ends"))
    assert played.mismatch is None
    assert "4711" not in transcript(played.journal) + str(played.journal)
    assert "texts   [private]" in transcript(played.journal)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("texts", 1, "texts WORDS"),
        ("texts [private]", 1, "texts WORDS"),
        ("hears Hi\ntexts hello", 2, "begins with texts"),
        ("texts hi\npresses 1", 2, "presses is for calls"),
        ("texts hi\nsilence", 2, "silence is for calls"),
        ("texts hi\nfar end busy", 2, "far end is for calls"),
    ],
)
def test_what_no_conversation_by_text_says(text, line, problem):
    with pytest.raises(TranscriptError, match=problem) as raised:
        parse_transcript(text)
    assert raised.value.line == line


def test_where_it_goes_another_way():
    played = play(SURVEY, parse_transcript("texts hi\nhears Will you come?\nhears How many?"))
    assert "waits for a text" in str(played.mismatch)
