"""What must not be committed, and locks that fit what they lock."""

import re
import tomllib

import pytest
from checkout import ROOT, lines, text

pytestmark = pytest.mark.pure

_ARCHIVES, _SYSTEMS = ("deb", "archive", "security"), ("debian", "ubuntu")
_NAMES = (("py", "pi"), ("npm", "js"), ("node", "source"), ("python", "hosted"))
_PARTS = (*map("".join, _NAMES), *(f"{at}[.]{of}" for at in _ARCHIVES for of in _SYSTEMS))
REGISTRIES = re.compile(rf"({'|'.join(_PARTS)})[.](org|com)", re.I)
"Hosts of package registries: people use mirrors, and their own settings say which. Put together here: this file is read, too."

MACHINE_PATHS = re.compile(r"(?<![\w.$}/-])/(?:root|work|home/\w+)/[\w.]")

LOCKS = {
    "requirements.lock": (("pyproject.toml", ""), ("espeak-worker/pyproject.toml", "")),
    "requirements-dev.lock": (("pyproject.toml", ""), ("pyproject.toml", "dev"), ("espeak-worker/pyproject.toml", "")),
}
REQUIREMENT = re.compile(r"^([a-z0-9][a-z0-9.-]*)==\S+", re.M)


def test_no_registry_is_named() -> None:
    assert not [where for where, line in lines() if REGISTRIES.search(line)]


def test_no_path_of_one_machine_is_named() -> None:
    assert not [where for where, line in lines() if MACHINE_PATHS.search(line)]


def _names(requirements: list[str]) -> set[str]:
    names = (re.split(r"[\s<>=!~;\[]", requirement)[0] for requirement in requirements)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_every_dependency(lock: str) -> None:
    """`./dev lock` writes them anew."""
    wanted: set[str] = set()
    for name, extra in LOCKS[lock]:
        project = tomllib.loads((ROOT / name).read_text())["project"]
        wanted |= _names(project["optional-dependencies"][extra] if extra else project["dependencies"])
    locked = set(REQUIREMENT.findall((ROOT / lock).read_text()))
    assert not wanted - locked


@pytest.mark.parametrize("lock", [*LOCKS, "requirements-setup.lock"])
def test_every_locked_package_has_a_hash(lock: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())
    packages = [block for block in blocks if REQUIREMENT.match(block)]
    assert len(packages) > 2
    assert not [block.partition(" ")[0] for block in packages if "--hash=sha256:" not in block]


def test_both_locks_agree() -> None:
    """What tests ran with is what users get."""
    pins = {lock: set(re.findall(r"^\S+==\S+", (ROOT / lock).read_text(), re.M)) for lock in LOCKS}
    assert pins["requirements.lock"] <= pins["requirements-dev.lock"]


def test_licences_are_whole() -> None:
    assert "Apache License" in text(ROOT / "LICENSE")
    assert "GNU GENERAL PUBLIC LICENSE" in text(ROOT / "espeak-worker" / "LICENSE")
