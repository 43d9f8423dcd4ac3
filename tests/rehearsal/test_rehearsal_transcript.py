"""Transcripts: what is read, what a wrong line is answered, where a call goes another way, and that a call replays."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.flow.application import Application, parse
from callwright.flow.engine import program
from callwright.rehearsal import transcript as transcripts
from callwright.rehearsal.simulation import FarEnd, Moment, Said, Simulation
from callwright.rehearsal.transcript import BYTES_MAX, LINES_MAX, TranscriptError, play
from callwright.session.commands import Fetch
from callwright.session.events import Event, Fetched, FetchFailed
from callwright.session.prompts import Prompt
from callwright.session.run import Entry, Run, SessionInfo
from callwright.session.transcript import transcript

pytestmark = pytest.mark.pure

DESK = """
name: Front desk
variables: {name: there}
input: {no_match: {attempts: [Wrong., ""]}, no_input: {attempts: [Nothing., ""]}}
pages:
  - name: Main
    modules:
      - {name: start, type: start, exits: {next: legal}}
      - {name: legal, type: prompt, barge_in: false, prompt: Recorded., exits: {next: hello}}
      - {name: hello, type: prompt, prompt: "Hello {{ name }}.", exits: {next: ask}}
      - name: ask
        type: menu
        prompt: Sales 1, support 2, both 12.
        choices: [{keys: "1", value: sales}, {keys: "2", value: support}, {keys: "12", value: both}]
        exits: {sales: pin, support: pin, both: pin, no_match: bye, no_input: bye}
      - {name: pin, type: digits, barge_in: false, digits_max: 3, prompt: Your number., exits: {next: post}}
      - {name: post, type: rest, url: "https://service.example/{{ ask }}", exits: {next: bye}}
      - {name: bye, type: prompt, prompt: "Bye {{ ask }} {{ pin }} {{ post.x }}.", exits: {next: end}}
      - {name: end, type: exit}
"""


@pytest.fixture(scope="module")
def desk() -> Application:
    return parse(DESK)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "at least one line"),
        ("# only this\n\n", 1, "at least one line"),
        ("hears", 1, "write what is heard"),
        ("hears Hi\npresses", 2, "are not keys of a telephone"),
        ("callee", 1, "write who has answered: callee voice"),
        ("callee nobody", 1, "write who has answered"),
        ("callee fax\nhears Hi\ncallee voice", 3, "found out once"),
        ("texts Hi\ncallee voice", 2, "callee is for calls"),
        ("presses 12x", 1, "'12x' are not keys"),
        ("presses [private]", 1, "not kept"),
        ("says", 1, "write what is said"),
        ("says [private]", 1, "write what is said"),
        ("says yes (confidence 2)", 1, "a confidence is from 0 to 1"),
        ("far end", 1, "far end busy"),
        ("far end 5 minutes", 1, "far end busy"),
        ("service", 1, "HTTP status"),
        ("service 99 {}", 1, "HTTP status"),
        ("service 600", 1, "HTTP status"),
        ('service 200 "unfinished', 1, "in quotes"),
        ("hears Hi\nvariable x = 1", 2, "before the call"),
        ("variable x", 1, "NAME = VALUE"),
        ("variable 1x = 2", 1, "NAME = VALUE"),
        ("variable session = {}", 1, "set by the platform"),
        ("call ends\nhears Hi", 2, "nothing comes after the call"),
        ("hangs up\nhears Bye", 2, "nothing comes after the call"),
        ("silence please", 1, "begins with none of"),
        ("\n\nwaits", 3, "begins with none of"),
        ("#\n" * LINES_MAX + "silence", LINES_MAX + 1, f"at most {LINES_MAX} lines"),
        ("#" * BYTES_MAX + "#", 1, f"at most {BYTES_MAX} bytes"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, line: int, problem: str) -> None:
    with pytest.raises(TranscriptError, match=problem) as raised:
        transcripts.parse(text)
    assert raised.value.line == line


def test_everything_that_can_be_written() -> None:
    script = transcripts.parse(
        '# a comment\nvariable a = {"b": [1]}\nvariable c = plain text\r\n'
        '  hears   two\t words  \npresses 12*#\nsilence\nservice 200 {"x": 1}\nservice 200 "a\\nb"\n'
        "service 404 not found\nservice 204\nservice fails\nservice fails timed out\nsays a few words\n"
        "says   (20.5 s)\nsays yes (confidence 0.4)\nsays ...\n"
        "far end busy\nfar end  no  answer\nfar end 35 s\nfar end fails 404 Not Found\ncall   ends"
    )
    assert script.variables == {"a": {"b": [1]}, "c": "plain text"}
    assert [(step.verb, step.text) for step in script.steps if step.verb != "service"] == [
        ("hears", "two words"),
        ("presses", "12*#"),
        ("silence", ""),
        ("says", "a few words"),
        ("says", ""),
        ("says", "yes"),
        ("says", "..."),
        ("far end", "busy"),
        ("far end", "no answer"),
        ("far end", "35 s"),
        ("far end", "fails 404 Not Found"),
        ("call ends", ""),
    ]
    assert [step.seconds for step in script.steps if step.verb == "says"] == pytest.approx([1.2, 20.5, 1, 1])
    assert [step.confidence for step in script.steps if step.verb == "says"] == [1, 1, 0.4, 1]
    assert [step.answer for step in script.steps if step.answer] == [
        Fetched(0, 200, "application/json", '{"x": 1}'),
        Fetched(0, 200, "text/plain", "a\nb"),
        Fetched(0, 404, "text/plain", "not found"),
        Fetched(0, 204, "", ""),
        FetchFailed(0, "The request failed"),
        FetchFailed(0, "timed out"),
        FarEnd("busy"),
        FarEnd("noanswer"),
        FarEnd("answers", 35),
        FarEnd("error", reason="404 Not Found"),
    ]


START = "hears Recorded.\nhears Hello there.\n"
ASKED = START + "hears Sales 1, support 2, both 12.\n"
CHOSEN = ASKED + "presses 2\nhears Your number.\npresses 5\n"


@pytest.mark.parametrize(
    ("text", "line", "expected", "happened"),
    [
        ("hears Hello", 1, "hears   Hello", "hears   Recorded."),
        ("silence", 1, "silence", "hears   Recorded."),
        (START, 2, "nothing more", "hears   Sales 1, support 2, both 12."),
        (ASKED, 3, "nothing more", "the application waits for input: write presses, silence or hangs up"),
        (ASKED + "hears Bye", 4, "hears   Bye", "the application waits for input: write presses, silence or hangs up"),
        (
            CHOSEN,
            6,
            "nothing more",
            "GET https://service.example/support: write how the service answers, such as service 200 {}",
        ),
        (CHOSEN + 'service 200 {"x": 1}', 7, "nothing more", "hears   Bye support 5 1."),
        (CHOSEN + 'service 200 {"x": 1}\nhears Bye support 5 1.', 8, "nothing more", "call ends"),
        (CHOSEN + "service 200 {}\nhears Bye support 5 .\nservice 200 {}", 9, "service 200 {}", "call ends"),
        (CHOSEN + "service 200 {}\nhears Bye support 5 .\nhears More.", 9, "hears   More.", "call ends"),
    ],
)
def test_a_call_that_goes_another_way(desk: Application, text: str, line: int, expected: str, happened: str) -> None:
    mismatch = play(desk, transcripts.parse(text)).mismatch
    assert mismatch is not None
    assert (mismatch.line, mismatch.expected, mismatch.happened) == (line, expected, happened)


def test_words_where_nobody_listens(desk: Application) -> None:
    mismatch = play(desk, transcripts.parse(ASKED + "says sales")).mismatch
    assert mismatch is not None and mismatch.line == 4
    assert mismatch.happened == "the application waits for input: write presses, silence or hangs up"


def test_words_stop_the_prompts_that_follow() -> None:
    listening = parse(DESK.replace("type: menu", "type: menu\n        speech: true"))
    text = START + "says sales (confidence 0.6)\nhears Your number.\nhangs up"
    assert play(listening, transcripts.parse(text)).mismatch is None
    mismatch = play(listening, transcripts.parse(START + "hears Sales 1, support 2, both 12.")).mismatch
    assert mismatch is not None
    assert mismatch.happened == "the application waits for input: write presses, says WORDS, silence or hangs up"


def test_a_failure_of_the_application_is_no_good_end() -> None:
    looping = parse(
        "name: Loop\npages:\n  - name: Main\n    modules:\n"
        "      - {name: start, type: start, exits: {next: again}}\n"
        "      - {name: again, type: set_variable, assignments: [{variable: x, value: 1}], exits: {next: again}}\n"
    )
    mismatch = play(
        looping, transcripts.parse("hears We are sorry. An error has occurred. Goodbye.\ncall ends")
    ).mismatch
    assert mismatch is not None
    assert mismatch.happened == "the application failed: Maximum loop count exceeded: 5000 modules"


@pytest.mark.parametrize(
    "text",
    [
        # Keys ahead skip what may be cut off, never what may not.
        'presses 25#\nhears Recorded.\nhears Your number.\nservice 200 {"x": 1}\nhears Bye support 5 1.\ncall ends',
        # Between a prompt and the next one.
        START + 'presses 1#\nhears Your number.\npresses 123\nservice 200 {"x": 1}\nhears Bye sales 123 1.\ncall ends',
        # After the prompts, one key too many is for the next question.
        ASKED + 'presses 2123\nhears Your number.\nservice 200 {"x": 1}\nhears Bye support 123 1.\ncall ends',
        # A key while the service is asked cuts off what comes after.
        CHOSEN + 'presses 7\nservice 200 {"x": 1}\ncall ends',
        ASKED + "hangs up",
        "hangs up",
        "hears Recorded.\nhangs up",
        CHOSEN + "hangs up\nservice 200 {}",
    ],
)
def test_a_caller_in_a_hurry(desk: Application, text: str) -> None:
    assert play(desk, transcripts.parse(text)).mismatch is None


@pytest.mark.parametrize(
    ("module", "done"),
    [
        ("{name: ask, type: transfer, destination: '2125550142', exits: {next: post}}", "far end 5 s\n"),
        ("{name: ask, type: record, prompt: Your name?, exits: {next: post}}", "hears Your name?\nsays (2 s)\n"),
    ],
)
def test_who_hangs_up_while_a_service_is_asked_had_been_there_before(module: str, done: str) -> None:
    application = parse(
        f"""
        name: Asked
        pages:
          - name: Main
            modules:
              - {{name: start, type: start, exits: {{next: ask}}}}
              - {module}
              - {{name: post, type: rest, url: "https://service.example/", exits: {{next: end}}}}
              - {{name: end, type: exit}}
        """
    )
    during = play(application, transcripts.parse(f"{done}hangs up\nservice 200 {{}}"))
    assert during.mismatch is None and during.outcome is not None and during.outcome.kind == "hung_up"
    before = play(application, transcripts.parse(f"{done}hangs up"))
    assert before.mismatch is None and len(before.journal) < len(during.journal)


class _Anybody:
    """A caller who does anything at any time, by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._left = 40

    def hears(self, prompt: Prompt) -> None: ...

    def acts(self, moment: Moment, *, speech: bool) -> str | Said | None:
        self._left -= 1
        if self._left == 0 or self._random.random() < 0.05:
            return None
        if speech and self._random.random() < 0.5:
            words = self._random.choice(["sales", "Support!", "both", "neither of them", "..."])
            return Said(words, self._random.choice([1.0, 0.25, 0.5]))
        if moment == "waiting" or self._random.random() < 0.2:
            return "".join(self._random.choice("12*#05") for _ in range(self._random.randrange(4)))
        return ""

    def left(self) -> None: ...

    def found(self, answer: Event) -> None: ...

    def serves(self, request: Fetch) -> Fetched | FetchFailed:
        return self._random.choice(
            [
                Fetched(0, 200, "application/json", '{"x": 1}'),
                Fetched(0, 200, "text/plain", 'x\n"y"'),
                Fetched(0, 500),
                FetchFailed(0, "timed out"),
            ]
        )


def _called(desk: Application, caller) -> list[Entry]:
    journal: list[Entry] = []
    run = Run(program(desk, "draft"), session=SessionInfo(), variables={}, journal=journal.append)
    outcome = Simulation(run, caller).run()
    assert outcome.kind in ("exit", "hung_up")
    return journal


@given(st.integers(0, 2**32))
def test_a_call_written_down_goes_the_same_way_again(seed: int) -> None:
    """What anybody does in a call, written as a transcript and played, gives the same transcript."""
    application = parse(DESK.replace("type: menu", "type: menu\n        speech: true"))
    written = transcript(_called(application, _Anybody(seed)))
    played = play(application, transcripts.parse(written))
    assert played.mismatch is None, f"{played.mismatch}\n{written}"
    assert transcript(played.journal) == written


WHO = """
name: Who
pages:
  - name: Main
    modules:
      - {name: start, type: start, exits: {next: hello}}
      - {name: hello, type: prompt, prompt: Hello., exits: {next: heard}}
      - name: heard
        type: record
        beep: false
        ends_at_beep: true
        no_input: {attempts: [""]}
        exits: {next: bye, no_input: bye}
      - {name: bye, type: prompt, prompt: "Bye {{ session.connection.callee_type }}.", exits: {next: end}}
      - {name: end, type: exit}
"""


@pytest.mark.parametrize(
    "text",
    [
        "hears Hello.\ncallee voice\nsilence\nhears Bye voice.\ncall ends",
        "hears Hello.\nsays (3 s)\ncallee answeringmachine\nbeeps\nhears Bye answeringmachine.\ncall ends",
        "hears Hello.\nbeeps\nhears Bye processing.\ncallee unknown\ncall ends",
        "hears Hello.\ncallee fax\nhangs up",
    ],
)
def test_who_has_answered_is_found_out_where_the_transcript_says_so(text: str) -> None:
    played = play(parse(WHO), transcripts.parse(text))
    assert played.mismatch is None, str(played.mismatch)
    assert [line.split() for line in transcript(played.journal).splitlines()] == [line.split() for line in _shown(text)]


def _shown(text: str) -> list[str]:
    # What is found out while something is recorded is told before the recording.
    return text.replace("says (3 s)\ncallee answeringmachine", "callee answeringmachine\nsays (3 s)").splitlines()
