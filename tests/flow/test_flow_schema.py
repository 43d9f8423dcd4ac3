"""The JSON Schema of documents: it takes what the platform takes, and refuses what no document is."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner

from callwright.cli.schema import command
from callwright.flow import yaml12
from callwright.flow.module import REGISTRY
from callwright.services import first_start

pytestmark = pytest.mark.pure

APPLICATIONS = sorted(Path(__file__).parent.glob("modules/*/application.yaml"))
START = {"name": "start", "type": "start", "exits": {"next": "end"}}


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Draft202012Validator:
    done = CliRunner().invoke(command)
    assert done.exit_code == 0
    return jsonschema_rs.Draft202012Validator(json.loads(done.output))


def test_every_kind_of_module_is_tried() -> None:
    assert {path.parent.name for path in APPLICATIONS} == set(REGISTRY)


@pytest.mark.parametrize("path", APPLICATIONS, ids=lambda path: path.parent.name)
def test_what_runs_is_valid(schema, path: Path) -> None:
    assert list(schema.iter_errors(yaml12.load(path.read_text()))) == []


def test_the_starter_application_is_valid(schema) -> None:
    assert schema.is_valid(yaml12.load(first_start.starter_document()))


@pytest.mark.parametrize(
    "module",
    [
        {"name": "x", "type": "dance"},
        {"name": "1x", "type": "exit"},
        {"name": "x", "type": "exit", "unknown": 1},
        {"name": "x", "type": "menu", "choices": []},
        {"name": "x", "type": "menu", "choices": [{"keys": "A", "value": "a"}]},
        {"name": "x", "type": "digits", "digits_max": 129},
        {"name": "x", "type": "counter", "rows": [{"operator": "~", "value": 1, "exit": "a"}]},
        {"name": "x", "type": "go_to_page"},
    ],
)
def test_what_is_no_module_is_not(schema, module: dict) -> None:
    assert not schema.is_valid({"name": "A", "pages": [{"name": "Main", "modules": [START, module]}]})


@pytest.mark.parametrize("document", [{}, [], {"name": "A"}, {"name": "A", "pages": []}, {"name": "", "pages": [{}]}])
def test_what_is_no_document_is_not(schema, document: object) -> None:
    assert not schema.is_valid(document)
