"""The jobs process is killed, and the SMSC goes away, while texts go out: none is lost, none goes twice; what nobody knows is in
doubt. `./dev bench sms --kills 100` and `--away 30` are the long ones.
"""

import shutil
import tempfile
from pathlib import Path

import pytest

from bench._texts import text_site

pytestmark = [pytest.mark.interop, pytest.mark.timeout(480)]

KILLS = 3


async def test_no_text_is_lost_or_sent_twice():
    folder = Path(tempfile.mkdtemp(prefix="callwright-test-"))
    folder.chmod(0o711)
    try:
        async with text_site(folder, window=10, remember=True) as site:
            killed = await site.killed(KILLS, 300, seed=1)
            away = await site.away(1, 300)
    finally:
        shutil.rmtree(folder)
    assert killed.violations == [] and away.violations == []
    assert killed.texts >= 300 and killed.losses == KILLS
    assert away.texts == killed.texts + 450 and away.losses == KILLS + 1
