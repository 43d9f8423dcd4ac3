"""Processes are killed under a queue of calls: every call ends once, is reported, and is never dialled unmarked.

`./dev bench chaos --calls 2000 --kills 200` is the long one.
"""

import shutil
import tempfile
from pathlib import Path

import pytest

from bench._chaos import ROLES, site

pytestmark = [pytest.mark.wire, pytest.mark.timeout(480)]

CALLS = 36
SETTLE_S_MAX = 300.0
"A busy number is called again after 60 s, and a post that was under way when its process was killed after as much."


@pytest.mark.parametrize("seed", [4])
async def test_processes_are_killed_and_no_call_is_lost_or_repeated(seed):
    folder = Path(tempfile.mkdtemp(prefix="callwright-test-"))
    folder.chmod(0o711)
    try:
        async with site(folder, seed=seed, say=print) as running:
            outcome = await running.run(calls=CALLS, kills=len(ROLES), settle_s_max=SETTLE_S_MAX)
    finally:
        shutil.rmtree(folder)
    assert outcome.violations == []
    assert outcome.calls >= CALLS
    assert outcome.kills == dict.fromkeys(ROLES, 1)
