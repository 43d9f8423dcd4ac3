"""Grammars of authors: three ways to write them, one meaning; what cannot be read; what would take for ever."""

import pytest

from callwright.base.errors import AuthorError
from callwright.grammar.grammars import Custom, can_grow, meaning, uses
from callwright.grammar.rules import Matching, Rules
from callwright.grammar.srgs_xml import parse as parse_xml
from callwright.grammar.text_grammars import parse_abnf, parse_jsgf

pytestmark = pytest.mark.pure


def _xml(rules: str, mode: str = "voice", root: str = "r") -> Rules:
    head = f'<?xml version="1.0"?><grammar xmlns="http://www.w3.org/2001/06/grammar" mode="{mode}" root="{root}">'
    return parse_xml(f"{head}{rules}</grammar>")


def _abnf(rules: str, mode: str = "voice") -> Rules:
    return parse_abnf(f"#ABNF 1.0 UTF-8;\nlanguage en-US;\nmode {mode};\nroot $r;\n{rules}")


def _jsgf(rules: str) -> Rules:
    return parse_jsgf(f"#JSGF V1.0 UTF-8 en;\ngrammar com.example.x;\n{rules}")


def _means(rules: Rules, said: str) -> str | None:
    return Matching(rules, said.split()).meaning()


YES = [
    _xml(
        '<rule id="r"><item repeat="0-1">please</item>'
        "<one-of><item>yes<tag>y</tag></item>"
        "<item>no thanks<tag>n</tag></item></one-of></rule>"
    ),
    _abnf("$r = [please] (yes {y} | no thanks {n});"),
    _jsgf("public <r> = [please] (yes {y} | no thanks {n});"),
]


@pytest.mark.parametrize("rules", YES)
def test_three_ways_to_write_one_grammar(rules: Rules) -> None:
    said = {"yes": "y", "please yes": "y", "no thanks": "n", "no": None, "yes yes": None, "": None, "please": None}
    assert {words: _means(rules, words) for words in said} == said


DIGITS = [
    _xml(
        '<rule id="r"><item repeat="2-3"><ruleref uri="#d"/><tag>out += rules.d</tag></item></rule>'
        '<rule id="d"><one-of><item>one<tag>1</tag></item><item>two<tag>2</tag></item></one-of></rule>'
    ),
    _abnf("$r = ($d {out += rules.d})<2-3>;\nprivate $d = one {1} | two {2};"),
    _jsgf("<d> = one {1} | two {2};\npublic <r> = <d> {out += rules.d} <d> {out += $d} [<d> {out += rules.latest()}];"),
]


@pytest.mark.parametrize("rules", DIGITS)
def test_rules_have_a_meaning_that_others_join(rules: Rules) -> None:
    said = {"one two": "12", "two two one": "221", "one": None, "one one one one": None}
    assert {words: _means(rules, words) for words in said} == said


def test_without_tags_it_is_the_words_or_the_rule_within() -> None:
    assert (
        _means(_abnf("$r = I want $what now;\n$what = a (red|green) car;"), "i want a red car now")
        == "i want a red car now"
    )
    assert _means(_abnf("$r = I want $what now;\n$what = a car {car};"), "i want a car now") == "car"
    assert _means(_jsgf('public <r> = "New York" | Boston {BOS};'), "new york") == "new york"


def test_a_meaning_with_fields() -> None:
    rules = _abnf('$r = $d {out.day = rules.d; out.kind = "day" + "s"};\n$d = monday {1} | friday {5};')
    assert _means(rules, "friday") == '{"day": "5", "kind": "days"}'


@pytest.mark.parametrize(
    ("rules", "taken"),
    [
        (
            _xml('<rule id="r"><item repeat="4"><one-of><item>0</item><item>1</item></one-of></item></rule>', "dtmf"),
            "0101",
        ),
        (_abnf("$r = (0|1)<4>;", "dtmf"), "0101"),
        (_abnf("$r = * # 12;", "dtmf"), "*#12"),
        (_abnf('$r = "*" 1<0->;', "dtmf"), "*111"),
        (_jsgf("public <r> = (0|1)+;"), "0101"),
        (_jsgf("public <r> = dtmf-1 | /3/ dtmf-2;"), "2"),
    ],
)
def test_keys(rules: Rules, taken: str) -> None:
    assert Matching(rules, taken).meaning() == taken
    for end in range(1, len(taken)):
        matching = Matching(rules, taken[:end])
        matching.meaning()
        assert matching.wants_more
    assert Matching(rules, taken + "9").meaning() is None


def test_a_grammar_of_keys_in_a_collection() -> None:
    grammar = Custom("x", "abnf", "#ABNF 1.0;\nmode dtmf;\nroot $r;\n$r = 1 2 [3] {it};")
    assert [meaning(grammar, keys) for keys in ("1", "12", "123", "13")] == [None, "it", "it", None]
    assert [can_grow(grammar, keys) for keys in ("", "1", "12", "123", "2")] == [True, True, True, False, False]
    assert uses(grammar, "3") and not uses(grammar, "#")
    voice = Custom("x", "abnf", "#ABNF 1.0;\nroot $r;\n$r = 1;")
    assert meaning(voice, "1") is None, "a grammar for speech takes no keys"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("<grammar", "not XML"),
        ("<vxml/>", "root is grammar"),
        ('<grammar root="x"><rule id="y">a</rule></grammar>', "no rule 'x'"),
        ('<grammar root="r"><rule id="r"><ruleref uri="#y"/></rule></grammar>', "refers to a rule 'y'"),
        ('<grammar root="r"><rule id="r"><ruleref uri="http://x/y.grxml"/></rule></grammar>', "same grammar"),
        ('<grammar root="r"><rule id="r"><item repeat="x">a</item></rule></grammar>', "repeat is a number"),
        ('<grammar root="r"><rule id="r"><item repeat="5-2">a</item></rule></grammar>', "smaller number first"),
        ('<grammar mode="smell"><rule id="r">a</rule></grammar>', "dtmf or voice"),
        ('<grammar root="r"><rule id="r"><video/></rule></grammar>', "cannot stand"),
        ('<grammar root="r"><rule id="r">a</rule><rule id="r">b</rule></grammar>', "two rules"),
        ('<!DOCTYPE g [<!ENTITY a "b">]><grammar root="r"><rule id="r">&a;</rule></grammar>', "document type"),
        ("<grammar/>", "no rule"),
    ],
)
def test_xml_that_is_no_grammar(source: str, problem: str) -> None:
    with pytest.raises(AuthorError, match=problem):
        parse_xml(source)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("$r = a;", "begins with"),
        ("#ABNF 1.0;\nroot $r;\n$r = a", "no semicolon"),
        ("#ABNF 1.0;\n$r = (a;", r"without its \)"),
        ("#ABNF 1.0;\n$r = a);", "nothing of the kind"),
        ("#ABNF 1.0;\n$r = a {b;", "no semicolon"),
        ("#ABNF 1.0;\n$r = $s;", "refers to a rule 's'"),
        ("#ABNF 1.0;\nhello;", "no rule of the grammar"),
        ("#ABNF 1.0;\n$r = $GARBAGE;", "GARBAGE"),
        ("#ABNF 1.0;\n$r = a<9-2>;", "smaller number first"),
    ],
)
def test_text_that_is_no_grammar(source: str, problem: str) -> None:
    with pytest.raises(AuthorError, match=problem):
        parse_abnf(source)


def test_jsgf_that_is_none() -> None:
    for source, problem in [
        ("grammar x;", "begins with"),
        ("#JSGF V1.0;\nimport <a.b>;", "import"),
        ("#JSGF V1.0;", "no rule"),
    ]:
        with pytest.raises(AuthorError, match=problem):
            parse_jsgf(source)


@pytest.mark.parametrize(
    "rules", [_abnf("$r = $r a | a;"), _jsgf("public <r> = (a* )* b;"), _jsgf("public <r> = (a|a)+ b;")]
)
def test_a_grammar_without_end_is_the_authors_error(rules: Rules) -> None:
    with pytest.raises(AuthorError, match=r"without end|too many ways"):
        Matching(rules, ["a"] * 40).meaning()


def test_special_rules() -> None:
    assert _means(_abnf("$r = a ($NULL | b) | $VOID c;"), "a") == "a"
    assert _means(_xml('<rule id="r">a<ruleref special="NULL"/><token>b c</token></rule>'), "a b c") == "a b c"
    assert _means(_abnf("$r = $VOID a;"), "a") is None
