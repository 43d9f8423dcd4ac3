"""A document's life: from YAML to JSON and back, from an older form to the newest, and what changed in it, in words."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.flow import templates, yaml12
from callwright.flow.application import DocumentError, build, parse, values, written
from callwright.flow.differences import differences
from callwright.flow.migrations import FORM, newest

pytestmark = pytest.mark.pure

MODULES = Path(__file__).parent / "modules"
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


class TestYamlAndJson:
    @given(_VALUES)
    def test_whatever_json_can_say_is_read_back_as_it_was(self, value):
        read = yaml12.load(yaml12.dump(value))
        # As text, since 1 and 1.0 and True are equal in Python.
        assert json.dumps(read) == json.dumps(value)

    @pytest.mark.parametrize(
        "text",
        ["no", "y", "1.0", "012", "0x1F", "12:30", "2026-11-24", "~", "", " ", "a: b", "# no", "-", "1e3", ".5", "=",
         "a\nb", "a\nb\n", "\na", "a \n b", "a\r\nb", "\u2028", "a\tb", "\x85", "null", "True", "0b1", "1_000", "+1", "<<"],
    )  # fmt: skip
    def test_text_that_looks_like_something_else(self, text):
        assert yaml12.load(yaml12.dump({text: [text]})) == {text: [text]}

    @pytest.mark.parametrize("name", templates.names())
    def test_templates_both_ways(self, name):
        written = values(templates.source(name))
        as_json = json.dumps(written, ensure_ascii=False)
        as_yaml = yaml12.dump(values(as_json))
        assert json.dumps(values(as_yaml), ensure_ascii=False) == as_json, "the order of keys included"
        assert differences(parse(as_json), parse(as_yaml)) == []

    def test_long_texts_stand_as_blocks(self):
        assert yaml12.dump({"t": "hears Hello\npresses 1\n"}) == "t: |\n  hears Hello\n  presses 1\n"


class TestWritten:
    @pytest.mark.parametrize("path", sorted(MODULES.glob("*/application.yaml")), ids=lambda path: path.parent.name)
    def test_without_defaults_it_is_the_same_application(self, path):
        whole = parse(path.read_text())
        short = written(whole)
        assert differences(whole, build(short)) == []
        assert len(json.dumps(short)) < len(whole.model_dump_json())
        assert written(build(whole.model_dump(mode="json"))) == short, "also of what says every default"


class TestMigrations:
    OLD = (
        "callwright: 1\nname: Old\ninput: {attempts: 2, no_match: Wrong.}\npages:\n  - name: Main\n    modules:\n"
        "      - {name: start, type: start, exits: {next: end}}\n      - {name: end, type: exit}\n"
    )

    def test_from_the_first_form(self):
        raw = values(self.OLD)
        made = newest(raw)
        assert made["callwright"] == FORM and raw["callwright"] == 1, "what was stored stays as it is"
        assert build(raw).input.no_match.attempts == ["Wrong.", ""]
        assert build(raw).input.no_input.attempts == ["Sorry, I did not get that.", ""]

    def test_every_form_has_its_way_to_the_newest(self):
        for form in range(1, FORM):
            assert newest({"callwright": form})["callwright"] == FORM

    @pytest.mark.parametrize("form", [0, FORM + 1, "2", None, True])
    def test_a_form_that_is_none(self, form):
        with pytest.raises(DocumentError, match="callwright"):
            build(values(self.OLD) | {"callwright": form})


def _desk() -> dict:
    return values((MODULES / "menu" / "application.yaml").read_text())


def _told(change) -> list[str]:
    old, new = _desk(), _desk()
    change(new, {module["name"]: module for page in new["pages"] for module in page["modules"]})
    return [str(one) for one in differences(build(old), build(new))]


class TestDifferences:
    def test_none(self):
        assert _told(lambda new, modules: None) == []

    def test_a_default_that_is_written_out_is_none(self):
        assert _told(lambda new, modules: new.update(recording=False)) == []

    def test_the_application(self):
        def change(new, modules):
            new.update(name="Other", variables={"a": 1})

        name = _desk()["name"]
        assert _told(change) == [f'name changed from "{name}" to "Other"', "variables.a added: 1"]

    def test_a_module(self):
        menu = next(m for page in _desk()["pages"] for m in page["modules"] if m["type"] == "menu")

        def change(new, modules):
            changed = modules[menu["name"]]
            changed["prompt"] = "Press something."
            changed["choices"] = changed["choices"][1:]
            changed["exits"].pop(menu["choices"][0]["value"])

        told = _told(change)
        place = f"page 'Main', module '{menu['name']}': "
        gone = menu["choices"][0]["value"]
        assert f"{place}exit {gone} removed, it led to '{menu['exits'][gone]}'" in told
        assert any(line.startswith(f'{place}prompt changed from "') for line in told)
        assert any(line.startswith(f"{place}choices[1] removed: ") for line in told)
        assert len(told) == 3

    def test_added_removed_renamed_moved(self):
        def change(new, modules):
            main = new["pages"][0]
            ends = [m for m in main["modules"] if m["type"] == "exit"]
            new["pages"].append(
                {"name": "Second", "modules": [{"name": "start_2", "type": "start", "exits": {"next": "end_2"}},
                                               {"name": "end_2", "type": "exit"}]}
            )  # fmt: skip
            for end in ends:
                for module in main["modules"]:
                    exits = module.get("exits", {})
                    exits.update({exit: "finish" for exit, to in exits.items() if to == end["name"]})
            ends[0]["name"] = "finish"

        old_end = next(m["name"] for m in _desk()["pages"][0]["modules"] if m["type"] == "exit")
        told = _told(change)
        assert told == [
            "page 'Second' added",
            f"page 'Main', module 'finish': renamed, it was '{old_end}'",
            "page 'Second', module 'start_2': added (type start)",
            "page 'Second', module 'end_2': added (type exit)",
        ], "that exits lead to the renamed module is no further difference"

    def test_another_type(self):
        old, new = TestMigrations.OLD, TestMigrations.OLD.replace("type: exit", "type: label, text: A note")
        new = new.replace("exits: {next: end}", "exits: {next: x}") + "      - {name: x, type: exit}\n"
        told = [str(one) for one in differences(parse(old), parse(new))]
        assert "page 'Main', module 'end': was of type exit, and is of type label" in told
        assert "page 'Main', module 'start': exit next leads to 'x', no longer to 'end'" in told
