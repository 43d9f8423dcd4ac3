"""./dev on machines that lack something: it says the one line to run, from anywhere, in any path."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.wire

ROOT = Path(__file__).parents[2]
NEEDED = ("dev", "pyproject.toml", "requirements.lock", "requirements-setup.lock", "espeak-worker/pyproject.toml")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of one as ./dev looks at before it installs."""
    folder = tmp_path / "a path with spaces"
    for name in NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def _program(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def _dev(checkout: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "dev"), *arguments],
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, **env},
        timeout=60,
    )


def test_help_names_every_command(checkout: Path) -> None:
    said = _dev(checkout, "help")
    assert said.returncode == 0
    named = {line.split()[0] for line in said.stdout.splitlines() if line.startswith("  ")}
    assert named == {"setup", "demo", "up", "callwright", "test", "lint", "bench", "lock", "docs", "help"}


def test_an_unknown_command_is_refused(checkout: Path) -> None:
    said = _dev(checkout, "dance")
    assert said.returncode == 2
    assert said.stderr.startswith("Usage: ./dev COMMAND")


def test_a_python_that_does_not_fit(checkout: Path) -> None:
    said = _dev(checkout, "setup", PYTHON="/bin/false")
    assert said.returncode == 1
    assert said.stderr == "dev: PYTHON=/bin/false is not a Python of 3.11 to 3.14\n"


def test_no_python_at_all(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cat", "cksum", "dirname", "flock", "grep"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    said = _dev(checkout, "setup", PATH=str(tools), PYTHON="")
    assert said.returncode == 1
    assert said.stderr.startswith("dev: no Python of 3.11 to 3.14 was found")


@pytest.mark.parametrize("sudo", ["asks for a password", "works"])
def test_a_user_without_venv(checkout: Path, tmp_path: Path, sudo: str) -> None:
    """With a sudo that works the package is installed, as far as this machine's stand-ins for apt and sudo go."""
    tools = tmp_path / "tools"
    _program(tools, "id", "echo 1000")
    _program(tools, "sudo", 'shift; exec "$@"' if sudo == "works" else "exit 1")
    _program(tools, "apt-get", f'echo "$@" >>"{tmp_path}/apt.txt"')
    _program(
        tools,
        "python3",
        f'case $2 in *ensurepip*) exit 1;; esac\n[ "$1" = -m ] && exit 3\nexec "{sys.executable}" "$@"',
    )
    said = _dev(checkout, "setup", PATH=f"{tools}:/usr/bin:/bin", PYTHON="")
    assert said.returncode != 0
    package = f"python3.{sys.version_info.minor}-venv"
    if sudo == "works":
        assert f"Installing with apt: {package}\n" in said.stderr
        assert (tmp_path / "apt.txt").read_text() == f"install -y -q --no-install-recommends {package}\n"
    else:
        assert said.stderr.endswith(f"please run once:\n  sudo apt-get install -y {package}\n")
