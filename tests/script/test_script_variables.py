"""Paths, values as text, templates, and what is private."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.base.errors import AuthorError
from callwright.script.template import RENDERED_MAX, Template
from callwright.script.variables import DEPTH_MAX, INDEX_MAX, MISSING, Variables, parse_path, text_of

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("_a1", ("_a1",)),
        ("a.b", ("a", "b")),
        ("a[0].b", ("a", 0, "b")),
        ("a[12][3]", ("a", 12, 3)),
        ("answer$.status", ("answer$", "status")),
        ("session.connection.ani", ("session", "connection", "ani")),
        ('a["b-c"].d', ("a", "b-c", "d")),
        ("a['x y']", ("a", "x y")),
    ],
)
def test_a_path(text: str, path: tuple[str | int, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1a",
        "a b",
        "a.",
        "a..b",
        "a[",
        "a[x]",
        "a[\"x']",
        'a[""]',
        'a["x{"]',
        "a[-1]",
        "a[1234567]",
        ".a",
        "a-b",
        "a()",
        "é",
        "a" + ".b" * DEPTH_MAX,
    ],
)
def test_what_is_no_path_is_said(text: str) -> None:
    with pytest.raises(AuthorError):
        parse_path(text)


class TestReading:
    variables = Variables({"a": {"b": [1, {"c": "x"}], "length": 7}, "s": "four", "n": None})

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("a.b[0]", 1),
            ("a.b[1].c", "x"),
            ("a.b.length", 2),
            ("s.length", 4),
            ("a.length", 7),
            ("n", None),
        ],
    )
    def test_found(self, path: str, value: object) -> None:
        assert self.variables.get(parse_path(path)) == value

    @pytest.mark.parametrize("path", ["x", "a.x", "a.b[2]", "a[0]", "a.b.c", "s.x", "n.x", "s[0]"])
    def test_missing(self, path: str) -> None:
        assert self.variables.get(parse_path(path)) is MISSING


class TestWriting:
    def test_objects_and_lists_are_made_on_the_way(self) -> None:
        variables = Variables({"last$": {"0": {"x": "best"}}})
        assert variables.get(parse_path("last$[0].x")) == "best", "as a property of an object in JavaScript"
        variables = Variables()
        variables.set(parse_path("a.b[0].c"), 1)
        variables.set(parse_path("a.b[1]"), 2)
        assert variables.values == {"a": {"b": [{"c": 1}, 2]}}

    def test_an_element_is_replaced(self) -> None:
        variables = Variables({"a": [1, 2, 3]})
        variables.set(parse_path("a[1]"), "x")
        assert variables.values["a"] == [1, "x", 3]

    @pytest.mark.parametrize(
        ("start", "path"), [("text", "a.b"), ([], "a.b"), ({}, "a[0]"), ([], "a[1]"), (3, "a[0].b")]
    )
    def test_what_is_in_the_way_is_said(self, start, path: str) -> None:
        variables = Variables({"a": start})
        with pytest.raises(AuthorError, match="cannot be set on a"):
            variables.set(parse_path(path), 1)
        assert variables.values == {"a": start}

    def test_a_list_has_a_limit(self) -> None:
        variables = Variables({"a": [0] * (INDEX_MAX + 1)})
        with pytest.raises(AuthorError):
            variables.set(parse_path(f"a[{INDEX_MAX + 1}]"), 1)


class TestPrivate:
    def test_all_of_a_root_is_private(self) -> None:
        variables = Variables()
        variables.set(("pin",), "1234", private=True)
        assert (
            variables.is_private(("pin",))
            and variables.is_private(("pin", "x"))
            and variables.is_private(("pin$", "y"))
        )
        assert not variables.is_private(("pins",))

    def test_a_part_makes_the_whole_private_and_writing_a_part_does_not_undo_it(self) -> None:
        variables = Variables()
        variables.set(("a", "b"), "secret", private=True)
        variables.set(("a", "c"), "open")
        assert variables.is_private(("a", "c"))

    def test_a_new_value_that_is_not_private_undoes_it(self) -> None:
        variables = Variables()
        variables.set(("a",), "secret", private=True)
        variables.set(("a",), "open")
        assert not variables.is_private(("a",))

    def test_a_text_with_it_is_private(self) -> None:
        variables = Variables({"open": "x"})
        variables.set(("pin",), "1234", private=True)
        assert Template("{{ open }} {{ pin }}").render(variables).private
        assert not Template("{{ open }}").render(variables).private


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (None, ""),
        (MISSING, ""),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (3.0, "3"),
        (-0.5, "-0.5"),
        (1e22, "1e+22"),
        ([1, "é"], '[1, "é"]'),
        ({"a": None}, '{"a": null}'),
    ],
)
def test_text_of(value, text: str) -> None:
    assert text_of(value) == text


class TestTemplate:
    def test_fields_are_filled_in(self) -> None:
        rendered = Template("Hello {{ name }}, {{order.items[0]}}{{gone}}!").render(
            Variables({"name": "Ann", "order": {"items": [2]}})
        )
        assert (rendered.text, rendered.missing) == ("Hello Ann, 2!", ("gone",))

    def test_one_variable_alone_is_whole(self) -> None:
        assert Template("{{ a.b }}").whole == ("a", "b")
        assert Template("{{ a }} ").whole is None and Template("a").whole is None

    @pytest.mark.parametrize(
        "source", ["{{ 1 }}", "{{}}", "{{ a b }}", "{{ alert('x') }}", "{{ a; b }}", "{{ __import__('os') }}"]
    )
    def test_a_field_is_a_path_and_nothing_else(self, source: str) -> None:
        with pytest.raises(AuthorError):
            Template(source)

    def test_values_are_not_read_again(self) -> None:
        assert Template("{{ a }}").render(Variables({"a": "{{ b }}", "b": "no"})).text == "{{ b }}"

    def test_it_has_a_limit(self) -> None:
        with pytest.raises(AuthorError, match=str(RENDERED_MAX)):
            Template("{{ a }}" * 11).render(Variables({"a": "x" * 10_000}))

    @given(st.text(max_size=50).filter(lambda text: "{{" not in text))
    def test_other_text_stays_as_it_is(self, text: str) -> None:
        assert Template(text).render(Variables()).text == text
