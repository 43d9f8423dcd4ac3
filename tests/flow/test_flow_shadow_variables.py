"""`lastresult$` and `name$` after valid, invalid and no input (docs/compatibility/fuse-variables.md)."""

import json

import pytest

from callwright.flow import engine
from callwright.flow.application import build
from callwright.grammar.input import Match, NoMatch, Reading
from callwright.rehearsal.transcript import parse, play
from callwright.session.codec import encode
from callwright.session.commands import Collect, Log
from callwright.session.events import Done, Started
from callwright.session.run import Run, SessionInfo

pytestmark = pytest.mark.pure

LAST = "lastresult$"


def _application(said: str, **ask):
    given = {"name": "ask", "type": "menu", "prompt": "Choose.", "choices": [{"keys": "1", "value": "one"}], **ask}
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "ask"}},
        {"exits": {"one": "say", "no_match": "say", "no_input": "say"}, **given},
        {"name": "say", "type": "prompt", "prompt": said, "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    settings = {"no_match": {"attempts": [""]}, "no_input": {"attempts": [""]}}
    return build({"name": "A", "input": settings, "pages": [{"name": "M", "modules": modules}]})


def _play(calls: str, said: str, **ask):
    return play(_application(said, **ask), parse(calls))


def test_valid_input() -> None:
    said = (
        "{{ lastresult$.utterance }} {{ lastresult$.interpretation }} {{ lastresult$.inputmode }} {{ lastresult$.confidence }} "
        "{{ lastresult$.length }} {{ lastresult$[0].interpretation }} {{ ask$.utterance }} {{ ask$.interpretation }}"
    )
    played = _play("hears   Choose.\npresses 1\nhears   1 one dtmf 1 1 one 1 one\ncall ends\n", said)
    assert played.mismatch is None, played.mismatch


def test_invalid_input() -> None:
    said = "[{{ lastresult$.utterance }}] [{{ lastresult$.interpretation }}] [{{ lastresult$.confidence }}] [{{ ask$.utterance }}]"
    played = _play("hears   Choose.\npresses 9\nhears   [9] [] [0] []\ncall ends\n", said)
    assert played.mismatch is None, played.mismatch


def test_a_silence_leaves_it_as_it_was() -> None:
    played = _play(
        f'variable {LAST} = {{"utterance": "5"}}\nhears   Choose.\nsilence\nhears   [5]\ncall ends\n',
        "[{{ lastresult$.utterance }}]",
    )
    assert played.mismatch is None, played.mismatch


SPOKEN = {"speech": True, "choices": [{"keys": "1", "value": "one", "utterance": "first, the first"}]}


def test_speech() -> None:
    said = (
        "{{ lastresult$.utterance }}, {{ lastresult$.interpretation }}, {{ lastresult$.inputmode }}, "
        "{{ lastresult$.confidence }}, {{ lastresult$.length }}, {{ lastresult$[0].utterance }}, {{ ask$.confidence }}, "
        "{{ ask$.inputmode }}, {{ lastresult$.recording }}"
    )
    heard = "the first, one, voice, 0.7, 1, the first, 0.7, voice, (recording)"
    played = _play(f"hears   Choose.\nsays    The first (confidence 0.7)\nhears   {heard}\ncall ends\n", said, **SPOKEN)
    assert played.mismatch is None, played.mismatch


def test_speech_that_is_no_match() -> None:
    said = (
        "[{{ lastresult$.utterance }}] [{{ lastresult$[0].utterance }}] [{{ lastresult$.inputmode }}] "
        "[{{ lastresult$.interpretation }}]"
    )
    heard = "[second] [second] [voice] []"
    played = _play(f"hears   Choose.\nsays    second\nhears   {heard}\ncall ends\n", said, **SPOKEN)
    assert played.mismatch is None, played.mismatch


def test_the_readings_of_speech_by_their_number() -> None:
    """What a caller meant second is in `lastresult$[1]`, valid or not."""
    for others, interpretation in (
        ((Reading("ask", "two", "second", 0.2),), "two"),
        ((Reading("", "", "second", 0.2),), ""),
    ):
        program = engine.program(_application("{{ lastresult$.length }} {{ lastresult$[1] }}", **SPOKEN), "1")
        run = Run(program, session=SessionInfo(), variables={})
        asked = run.start(Started(0))
        while isinstance(asked, Log):
            asked = run.send(Done(0))
        assert isinstance(asked, Collect) and asked.speech and asked.nbest_max == 5
        answer = (
            Match(1, "ask", "one", "first", "voice", 0.7, others)
            if interpretation
            else NoMatch(1, "x", "voice", 0.1, others)
        )
        run.send(answer)
        last = run.call.variables.values["lastresult$"]
        assert isinstance(last, dict)
        assert last["length"] == 2
        assert last["1"] == {
            "confidence": 0.2,
            "utterance": "second",
            "inputmode": "voice",
            "interpretation": interpretation,
        }


def test_private_speech_leaves_no_recording_and_no_words() -> None:
    played = _play(
        "hears   Choose.\nsays    the first\nhears   one[]\ncall ends\n",
        "{{ ask }}[{{ lastresult$.recording }}]",
        **SPOKEN,
        private=True,
    )
    assert played.mismatch is None, played.mismatch
    kept = "".join(json.dumps(encode(entry.item)) for entry in played.journal)
    assert "first" not in kept and "recorded:" not in kept


@pytest.mark.parametrize(("private", "seen"), [(True, False), (False, True)])
@pytest.mark.parametrize("shadow", ["lastresult$.utterance", "lastresult$[0].interpretation", "ask$.utterance"])
def test_it_is_as_private_as_the_module(private: bool, seen: bool, shadow: str) -> None:
    played = _play(
        "hears   Choose.\npresses 58203417\nhears   58203417\ncall ends\n",
        f"{{{{ {shadow} }}}}",
        type="menu",
        choices=[{"keys": "58203417", "value": "58203417"}],
        exits={"58203417": "say"},
        private=private,
    )
    assert played.mismatch is None, played.mismatch
    assert ("58203417" in "".join(json.dumps(encode(entry.item)) for entry in played.journal)) is seen
