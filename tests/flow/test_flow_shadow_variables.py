"""`lastresult$` and `name$` after valid, invalid and no input (docs/compatibility/fuse-variables.md)."""

import json

import pytest

from callwright.flow.application import build
from callwright.rehearsal.transcript import parse, play
from callwright.session.codec import encode

pytestmark = pytest.mark.pure

LAST = "lastresult$"


def _play(calls: str, said: str, **ask):
    given = {"name": "ask", "type": "menu", "prompt": "Choose.", "choices": [{"keys": "1", "value": "one"}], **ask}
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "ask"}},
        {"exits": {"one": "say", "no_match": "say", "no_input": "say"}, **given},
        {"name": "say", "type": "prompt", "prompt": said, "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    settings = {"no_match": {"attempts": [""]}, "no_input": {"attempts": [""]}}
    return play(build({"name": "A", "input": settings, "pages": [{"name": "M", "modules": modules}]}), parse(calls))


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
