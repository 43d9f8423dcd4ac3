"""What came of transcripts, as data."""

import pytest

from callwright.flow.application import build
from callwright.rehearsal.results import rehearse

pytestmark = pytest.mark.pure

ENDLESS = build(
    {
        "name": "Endless",
        "pages": [
            {
                "name": "Main",
                "modules": [
                    {"name": "start", "type": "start", "exits": {"next": "say"}},
                    {"name": "say", "type": "prompt", "prompt": "Hello.", "exits": {"next": "say"}},
                ],
            }
        ],
    }
)
TWICE = "hears Hello.\nhears Hello.\nhangs up\n"


def test_each_transcript_has_its_result():
    results = rehearse(ENDLESS, [("good", TWICE), ("bad", "hears Hello.\nhears Bye.\nhangs up\n"), ("odd", "sings\n")])
    good, bad, odd = results.transcripts
    assert (good.problem, good.call[-1]) == ("", "hangs up")
    assert "line 2" in bad.problem and bad.call == ["hears   Hello.", "hears   Hello."]
    assert "line 1" in odd.problem and odd.call == []
    assert results.failed == [bad, odd]
    assert results.as_data()["exits"] == {"taken": 2, "all": 2, "missed": []}
