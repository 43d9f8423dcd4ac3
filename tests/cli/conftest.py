"""Data directories for whole clusters and platforms."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that others may pass, unlike pytest's, so that as root the database lies in it and goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="callwright-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
