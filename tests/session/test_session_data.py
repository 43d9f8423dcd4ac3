"""Commands and events as data: there and back, what is redacted, what the log and the transcript show of them."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.grammar.grammars import Choices, Digits
from callwright.grammar.input import Timers
from callwright.session import codec
from callwright.session.commands import (
    Collect,
    Command,
    Disconnect,
    Evaluate,
    Fetch,
    Invoke,
    Load,
    Log,
    Play,
    Record,
    Send,
    SendText,
    SetRecording,
    Transfer,
)
from callwright.session.events import (
    CalleeFound,
    Done,
    Evaluated,
    EvaluationFailed,
    Event,
    Fetched,
    FetchFailed,
    HungUp,
    Invoked,
    InvokeFailed,
    Loaded,
    LoadFailed,
    Match,
    NoInput,
    NoMatch,
    Played,
    Recorded,
    SendFailed,
    Sent,
    Started,
    TransferEnded,
)
from callwright.session.lines import lines
from callwright.session.prompts import Audio, Prompt, Speech
from callwright.session.redaction import PRIVATE, Redactor
from callwright.session.run import Entry, ModuleRef
from callwright.session.transcript import transcript

pytestmark = pytest.mark.pure

TEXTS = st.text(max_size=20)
NUMBERS = st.floats(0, 4e9, allow_nan=False)
PROMPT = st.builds(
    Prompt,
    st.lists(st.builds(Speech, TEXTS, st.booleans()) | st.builds(Audio, TEXTS, TEXTS, st.booleans()), max_size=3).map(
        tuple
    ),
    st.sampled_from(["en-US", "de-DE"]),
    st.booleans(),
)
PROMPTS = st.lists(PROMPT, max_size=3).map(tuple)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
RECORDED = st.builds(Recorded, NUMBERS, TEXTS, NUMBERS, st.sampled_from(["key", "silence"]), TEXTS, st.integers(0, 9))
GRAMMARS = st.lists(
    st.builds(Digits, TEXTS, st.integers(1, 9), st.integers(9, 20), st.booleans())
    | st.builds(Choices, TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)),
    max_size=2,
).map(tuple)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
COMMANDS: dict[type, st.SearchStrategy[Command]] = {
    Play: st.builds(Play, PROMPTS),
    Collect: st.builds(Collect, PROMPTS, GRAMMARS, st.builds(Timers, NUMBERS, NUMBERS), st.booleans()),
    Record: st.builds(Record, PROMPTS, st.booleans(), NUMBERS, NUMBERS, NUMBERS, TEXTS, st.booleans(), st.booleans()),
    Transfer: st.builds(
        Transfer, TEXTS, PROMPTS, TEXTS, TEXTS, NUMBERS, NUMBERS, st.none() | PROMPT, PAIRS, st.booleans()
    ),
    SetRecording: st.builds(SetRecording, st.booleans(), TEXTS),
    Invoke: st.builds(Invoke, TEXTS, TEXTS, st.lists(st.tuples(TEXTS, VALUES), max_size=3).map(tuple), NUMBERS),
    Send: st.builds(Send, st.lists(TEXTS, max_size=3).map(tuple), TEXTS, TEXTS, TEXTS, PAIRS, st.booleans()),
    SendText: st.builds(SendText, TEXTS, TEXTS, TEXTS, NUMBERS, st.booleans(), st.none() | PROMPT),
    Evaluate: st.builds(
        Evaluate,
        TEXTS,
        st.lists(st.tuples(TEXTS, VALUES), max_size=3).map(tuple),
        PAIRS,
        st.lists(st.integers(1, 9), max_size=2).map(tuple),
        TEXTS,
        NUMBERS,
        st.integers(0, 2**32 - 1),
        st.booleans(),
    ),
    Load: st.builds(Load, TEXTS, st.none() | st.integers(1, 1000)),
    Disconnect: st.just(Disconnect()),
    Fetch: st.builds(
        Fetch,
        st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
        TEXTS,
        TEXTS,
        PAIRS,
        NUMBERS,
        st.booleans(),
        PAIRS,
        st.none() | PROMPT,
        NUMBERS,
    ),
    Log: st.builds(
        Log,
        TEXTS,
        st.sampled_from(["info", "event", "debug", "error"]),
        st.lists(st.tuples(TEXTS, VALUES), max_size=3).map(tuple),
    ),
}
EVENTS: dict[type, st.SearchStrategy[Event]] = {
    Started: st.builds(Started, NUMBERS),
    CalleeFound: st.builds(
        CalleeFound, NUMBERS, st.sampled_from(["voice", "answeringmachine", "fax", "unknown"]), TEXTS
    ),
    Played: st.builds(Played, NUMBERS, st.booleans()),
    Match: st.builds(Match, NUMBERS, TEXTS, TEXTS, TEXTS, st.sampled_from(["dtmf", "voice"]), st.floats(0, 1)),
    NoMatch: st.builds(NoMatch, NUMBERS, TEXTS),
    NoInput: st.builds(NoInput, NUMBERS),
    Done: st.builds(Done, NUMBERS, st.booleans()),
    Recorded: RECORDED,
    TransferEnded: st.builds(TransferEnded, NUMBERS, st.sampled_from(["noanswer", "busy", "error"]), NUMBERS, TEXTS),
    HungUp: st.builds(
        HungUp,
        NUMBERS,
        st.sampled_from(["caller", "application", "platform"]),
        st.none() | RECORDED,
        st.none() | NUMBERS,
    ),
    Invoked: st.builds(Invoked, NUMBERS, VALUES, st.booleans()),
    InvokeFailed: st.builds(InvokeFailed, NUMBERS, TEXTS, st.booleans()),
    Sent: st.builds(Sent, NUMBERS, TEXTS, st.booleans()),
    SendFailed: st.builds(SendFailed, NUMBERS, TEXTS, st.booleans()),
    Evaluated: st.builds(
        Evaluated, NUMBERS, VALUES, st.lists(st.tuples(TEXTS, VALUES), max_size=3).map(tuple), st.booleans()
    ),
    EvaluationFailed: st.builds(EvaluationFailed, NUMBERS, TEXTS, st.booleans()),
    Loaded: st.builds(Loaded, NUMBERS, TEXTS, st.integers(1, 1000), VALUES, st.booleans()),
    LoadFailed: st.builds(LoadFailed, NUMBERS, TEXTS, st.booleans()),
    Fetched: st.builds(Fetched, NUMBERS, st.integers(100, 599), TEXTS, TEXTS, TEXTS, st.booleans()),
    FetchFailed: st.builds(FetchFailed, NUMBERS, TEXTS, st.booleans()),
}


def test_every_command_and_event_is_tried_here() -> None:
    assert set(COMMANDS) == set(Command.__args__) and set(EVENTS) == set(Event.__args__)


@given(st.one_of(*COMMANDS.values(), *EVENTS.values()), NUMBERS)
def test_there_and_back(item: Command | Event, at: float) -> None:
    as_text = json.dumps(codec.encode(item))
    assert codec.decode(json.loads(as_text)) == item
    entry = Entry(at, ModuleRef("Main", "ask", "menu"), item)
    assert codec.decode_entry(at, json.loads(codec.encode_entry(entry))) == entry


@pytest.mark.parametrize("encoded", [{}, {"type": "nothing"}, {"type": "play"}, {"type": "match", "now": "x"}])
def test_what_is_no_item_is_refused(encoded: dict) -> None:
    with pytest.raises(ValueError):
        codec.decode(encoded)


class TestRedaction:
    def _shown(self, asked: Command, item: Command | Event) -> Command | Event:
        redactor = Redactor()
        redactor.asked(asked)
        return redactor.redact(item)

    def test_an_answer_is_as_private_as_its_question(self) -> None:
        private, open_ = Collect((), (), private=True), Collect((), ())
        match, no_match = Match(1, "pin", "1234", "1234"), NoMatch(1, "9999")
        assert self._shown(private, match) == replace(match, value=PRIVATE, utterance=PRIVATE)
        assert self._shown(private, no_match) == NoMatch(1, PRIVATE)
        assert self._shown(open_, match) is match and self._shown(open_, no_match) is no_match

    def test_private_words_are_not_shown_and_the_others_are(self) -> None:
        tune, secret = Audio("sha256:0", "A tune"), Audio("sha256:1", "1234", private=True)
        play = Play((Prompt((Speech("You entered"), Speech("1234", private=True), secret)), Prompt((tune,))))
        shown = self._shown(play, play)
        assert shown == Play(
            (Prompt((Speech("You entered"), Speech(PRIVATE), Audio("sha256:1", PRIVATE))), Prompt((tune,)))
        )

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("https://user:pw@service.example:8443/pins/1234?x=1234", f"https://service.example:8443/{PRIVATE}"),
            ("http://[::1/", PRIVATE),
            ("nonsense 1234", PRIVATE),
        ],
    )
    def test_a_private_request_shows_its_server_only(self, url: str, shown: str) -> None:
        request = Fetch("POST", url, "pin=1234", (("X-Pin", "1234"),), private=True)
        assert self._shown(request, request) == replace(request, url=shown, body=PRIVATE, headers=())
        answer = Fetched(1, 200, "text/plain", "1234", url)
        assert self._shown(request, answer) == replace(answer, body=PRIVATE, url=shown)
        assert self._shown(request, FetchFailed(1, f"{url} cannot be reached")) == FetchFailed(1, "The request failed")

    @pytest.mark.parametrize("name", ["Authorization", "authorization", "Cookie", "X-API-Key", "Proxy-Authorization"])
    def test_credentials_are_never_shown(self, name: str) -> None:
        request = Fetch("GET", "https://service.example/", headers=((name, "Basic YTpi"), ("Accept", "*/*")))
        assert self._shown(request, request) == replace(request, headers=((name, PRIVATE), ("Accept", "*/*")))


def _entry(item: Command | Event) -> Entry:
    return Entry(1_700_000_000.9, ModuleRef("Main", "ask", "menu"), item)


@pytest.mark.parametrize(
    ("item", "level", "line", "data"),
    [
        (
            Play((Prompt((Speech(" Hello "),)),)),
            "prompt",
            "Hello",
            {"type": "static", "has_audio": False, "language": "en-US"},
        ),
        (
            Collect((Prompt((Audio("sha256:0", "A tune"), Speech("Bye"))),), ()),
            "prompt",
            "A tune Bye",
            {"type": "static", "has_audio": True, "language": "en-US"},
        ),
        (Match(1, "g", "one", "1"), "event", "User input: 1 (dtmf)", {}),
        (NoMatch(1, "9"), "event", "No match: 9 (dtmf)", {}),
        (NoInput(1), "event", "No input", {}),
        (Fetch("POST", "https://a.example/", "x=1"), "info", "POST https://a.example/", {"body": "x=1"}),
        (
            Fetched(1, 404, "", "gone", "https://b.example/"),
            "debug",
            "Response 404",
            {"url": "https://b.example/", "body": "gone"},
        ),
        (FetchFailed(1, "timed out"), "error", "Request failed: timed out", {}),
        (
            SendText("8005550101", "12125550101", "Hi"),
            "info",
            "Text to 12125550101",
            {"from": "8005550101", "body": "Hi"},
        ),
        (SendFailed(1, "stopped"), "error", "Not sent: stopped", {}),
        (SetRecording(True), "info", "Recording started", {}),
        (SetRecording(False), "info", "Recording stopped", {}),
        (HungUp(1), "event", "Caller hung up", {}),
        (HungUp(1, by="application"), "event", "Disconnected", {}),
        (HungUp(1, by="platform"), "event", "Call ended by the platform", {}),
        (Log("a line", "error", (("x", 1),)), "error", "a line", {"x": 1}),
    ],
)
def test_a_line_of_the_detailed_log(item: Command | Event, level: str, line: str, data: dict) -> None:
    (shown,) = lines([_entry(item)])
    guaranteed = {"module_type": "menu", "result_variable": "ask"}
    assert shown.as_plum() == {
        "event": {"line": line, "data": data | guaranteed},
        "class": level,
        "timestamp": 1_700_000_000,
    }


def test_a_transcript_in_words() -> None:
    items = [
        Started(0),
        Log("Executing", "info"),
        Collect((Prompt((Speech("Press  1\nor 2."),)),), ()),
        NoInput(1),
        Collect((Prompt((Speech("Press 1."),)),), ()),
        Match(2, "g", "one", "1"),
        Fetch("GET", "https://a.example/"),
        Fetched(3, 200, "", '{"a":\n 1}', caller_gone=True),
        Fetch("GET", "https://a.example/"),
        FetchFailed(3, "it\nbroke", caller_gone=True),
    ]
    assert transcript(map(_entry, items)) == (
        "hears   Press 1 or 2.\nsilence\nhears   Press 1.\npresses 1\nhangs up\n"
        'service 200 {"a": 1}\nservice fails it broke\n'
    )
