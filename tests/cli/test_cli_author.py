"""What a newcomer types: the tutorial's files, taken from its text, checked, tested, talked to, and changed for the worse."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callwright.cli.call import command as call
from callwright.cli.check import command as check
from callwright.cli.convert import command as convert
from callwright.cli.diff import command as diff
from callwright.cli.test import command as play

pytestmark = pytest.mark.pure

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "first-application.md"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """desk.yaml and desk.call, as the tutorial has them."""
    blocks = re.findall(r"^`(desk\.\w+)`.*?:\n\n```\w*\n(.*?)```", TUTORIAL.read_text(), re.S | re.M)
    assert [name for name, _ in blocks] == ["desk.yaml", "desk.call"]
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    return tmp_path


def _run(command, *arguments: object, typed: str = "") -> Result:
    done = CliRunner().invoke(command, [str(one) for one in arguments], input=typed)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


class TestCheck:
    def test_the_tutorial(self, desk):
        done = _run(check, desk / "desk.yaml")
        assert done.exit_code == 0 and '"Front desk" is valid; modules: 4, pages: 1' in done.output

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "name"),
            ("[1, 2", "line 1"),
            ("name: x\npages: []\n", "pages"),
            ("name: " + "x" * (2 << 20), "bytes"),
        ],
    )
    def test_what_is_no_application(self, tmp_path, text, told):
        (tmp_path / "bad.yaml").write_text(text)
        done = _run(check, tmp_path / "bad.yaml")
        assert done.exit_code == 1 and told in done.output and "Traceback" not in done.output

    def test_what_only_a_platform_knows(self, desk):
        text = (desk / "desk.yaml").read_text()
        prompt = "prompt: Hello {{ first_name }}."
        assert prompt in text
        line = next(line for line in text.splitlines() if prompt in line)
        (desk / "desk.yaml").write_text(text.replace(line, line.partition("prompt:")[0] + "prompt: [{audio: welcome}]"))
        done = _run(check, desk / "desk.yaml")
        assert done.exit_code == 0 and "needs audio: welcome (not looked for" in done.output, done.output

    def test_every_error_is_told_with_its_place(self, desk):
        text = (desk / "desk.yaml").read_text()
        text = text.replace("exits: {next: ask}", "exits: {next: asc}").replace("support: bye}", "helpdesk: bye}")
        (desk / "desk.yaml").write_text(text)
        done = _run(check, desk / "desk.yaml")
        assert done.exit_code == 1
        assert "asc" in done.output and "helpdesk" in done.output and "Main" in done.output

    def test_a_file_that_is_not_text(self, tmp_path):
        (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
        assert "UTF-8" in _run(check, tmp_path / "bad.yaml").output


class TestTest:
    def test_the_tutorial(self, desk):
        done = _run(play, desk / "desk.yaml", desk / "desk.call")
        assert done.exit_code == 0, done.output
        assert "ok " in done.output and "never taken: ask: support" in done.output
        assert _run(play, desk / "desk.yaml").output == done.output, "it finds the transcript beside it"

    @pytest.mark.parametrize(
        ("wrong", "right", "told"),
        [
            ("You chose support. Goodbye.", "You chose sales. Goodbye.", "line 4"),
            ("presses 3", "presses 1", "line 4"),
            ("frobs 1", "presses 1", "line 3"),
        ],
    )
    def test_a_call_that_went_another_way(self, desk, wrong, right, told):
        text = (desk / "desk.call").read_text()
        assert right in text
        (desk / "desk.call").write_text(text.replace(right, wrong))
        done = _run(play, desk / "desk.yaml")
        assert done.exit_code == 1 and "FAILED" in done.output and told in done.output, done.output

    def test_no_transcript(self, desk):
        (desk / "desk.call").unlink()
        done = _run(play, desk / "desk.yaml")
        assert done.exit_code == 1 and "desk.call" in done.output

    def test_the_result_as_data(self, desk):
        done = _run(play, "--json", desk / "desk.yaml")
        told = json.loads(done.output)
        assert done.exit_code == 0 and told["modules"] == {"tried": 4, "all": 4}
        assert [(one["name"], one["passed"], one["problem"]) for one in told["transcripts"]] == [
            (str(desk / "desk.call"), True, "")
        ]
        assert told["exits"]["missed"] == ["ask: support"]
        (desk / "desk.call").write_text((desk / "desk.call").read_text().replace("presses 1", "presses 3"))
        done = _run(play, "--json", desk / "desk.yaml")
        (failed,) = json.loads(done.output)["transcripts"]
        assert done.exit_code == 1 and not failed["passed"] and "line 4" in failed["problem"]

    def test_transcripts_that_stand_in_the_document(self, desk):
        call = (desk / "desk.call").read_text()
        (desk / "desk.call").unlink()
        inside = "transcripts:\n  sales: |\n" + "".join(f"    {line}\n" for line in call.splitlines())
        (desk / "desk.yaml").write_text((desk / "desk.yaml").read_text() + inside)
        done = _run(play, desk / "desk.yaml")
        assert done.exit_code == 0 and "desk.yaml: sales" in done.output

    def test_a_transcript_that_is_not_text(self, desk):
        (desk / "desk.call").write_bytes(b"hears \xff")
        done = _run(play, desk / "desk.yaml")
        assert done.exit_code == 1 and "FAILED" in done.output and "Traceback" not in done.output

    def test_verbose_shows_the_call(self, desk):
        assert "hears   Hello Ann." in _run(play, "-v", desk / "desk.yaml").output


class TestCall:
    def test_a_call_in_the_terminal_becomes_a_test(self, desk):
        saved = desk / "support.call"
        done = _run(call, desk / "desk.yaml", "--variable", "first_name=Bo", "--save", saved, typed="2\n")
        assert done.exit_code == 0, done.output
        assert "Hello Bo." in done.output and "You chose support." in done.output
        both = _run(play, desk / "desk.yaml", desk / "desk.call", saved)
        assert both.exit_code == 0 and "failed: 0" in both.output and "ask: support" not in both.output

    @pytest.mark.parametrize("typed", ["hangs up\n", ""])
    def test_hanging_up(self, desk, typed):
        done = _run(call, desk / "desk.yaml", typed=typed)
        assert done.exit_code == 0 and "(you hung up)" in done.output

    def test_what_is_no_key_is_asked_again(self, desk):
        done = _run(call, desk / "desk.yaml", typed="what?\n1\n")
        assert done.exit_code == 0 and "! " in done.output and "You chose sales." in done.output

    @pytest.mark.parametrize("given", ["first_name", "=x", "1x=y"])
    def test_a_variable_that_is_none(self, desk, given):
        done = _run(call, desk / "desk.yaml", "--variable", given)
        assert done.exit_code == 2 and "--variable" in done.output


class TestConvert:
    def test_there_and_back(self, desk):
        there = _run(convert, desk / "desk.yaml", desk / "desk.json")
        assert there.exit_code == 0 and json.loads((desk / "desk.json").read_text())["name"] == "Front desk"
        _run(convert, desk / "desk.json", desk / "back.yaml")
        again = _run(convert, desk / "back.yaml", "--to", "json")
        assert again.output == (desk / "desk.json").read_text()
        assert _run(diff, desk / "desk.yaml", desk / "back.yaml").exit_code == 0

    def test_a_file_that_is_there_stays(self, desk):
        (desk / "desk.json").write_text("mine")
        done = _run(convert, desk / "desk.yaml", desk / "desk.json")
        assert done.exit_code == 1 and "--force" in done.output and (desk / "desk.json").read_text() == "mine"
        assert _run(convert, "--force", desk / "desk.yaml", desk / "desk.json").exit_code == 0

    def test_a_folder_that_is_not_there(self, desk):
        done = _run(convert, desk / "desk.yaml", desk / "nowhere" / "desk.json")
        assert done.exit_code == 1 and "cannot be written" in done.output


class TestDiff:
    def test_in_words_and_as_data(self, desk):
        new = desk / "new.yaml"
        new.write_text((desk / "desk.yaml").read_text().replace("Goodbye.", "Bye."))
        done = _run(diff, desk / "desk.yaml", new)
        assert done.exit_code == 1
        assert done.output == (
            "page 'Main', module 'bye': prompt changed from \"You chose {{ ask }}. Goodbye.\" to \"You chose {{ ask }}. Bye.\"\n"
        )
        (told,) = json.loads(_run(diff, "--json", desk / "desk.yaml", new).output)
        assert told["page"] == "Main" and told["module"] == "bye"
        assert _run(diff, desk / "desk.yaml", desk / "desk.yaml").output == ""
