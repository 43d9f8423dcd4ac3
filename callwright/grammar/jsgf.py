"""Rules as JSGF 1.0 (https://www.w3.org/TR/jsgf/) for a recogniser: what may be said, without what it means."""

import math
from collections.abc import Iterable

from callwright.base.errors import AuthorError
from callwright.grammar.rules import Node, OneOf, Ref, Repeat, Rules, Series, Tag, Token, walk

SIZE_MAX = 200_000
"Characters: a hundred thousand arcs, which a recogniser still searches in a moment."


def jsgf(alternatives: Iterable[Rules]) -> str:
    """One grammar of all of them; an empty text where nothing can be said. Raises `AuthorError` for one that is too large."""
    rules: list[str] = []
    roots: list[str] = []
    for number, one in enumerate(alternatives):
        written = {name: _written(one.rules[name], f"g{number}_") for name in _reachable(one)}
        if written[one.root]:
            roots.append(f"<g{number}_{one.root}>")
            rules += (f"<g{number}_{name}> = {expansion or '<VOID>'};" for name, expansion in written.items())
    if not roots:
        return ""
    return "\n".join(["#JSGF V1.0;", "grammar said;", f"public <all> = {' | '.join(roots)};", *rules, ""])


def tokens(alternatives: Iterable[Rules]) -> frozenset[str]:
    """Every word that can be said."""
    reachable = (one.rules[name] for one in alternatives for name in _reachable(one))
    return frozenset(node.text for rule in reachable for node in walk(rule) if isinstance(node, Token))


def longest(rules: Rules) -> float:
    """Words of the longest sentence; infinite where there is none."""
    return _longest(Ref(rules.root), rules, {})


def _longest(node: Node, rules: Rules, known: dict[str, float]) -> float:
    """`known` has the rules that were measured, and infinity for one that is being measured: it leads into itself."""
    match node:
        case Token():
            return 1
        case Ref(rule=rule):
            if rule not in known:
                known[rule] = math.inf
                known[rule] = _longest(rules.rules[rule], rules, known)
            return known[rule]
        case OneOf(items=items):
            return max((_longest(item, rules, known) for item in items), default=0)
        case Series(items=items):
            return sum(_longest(item, rules, known) for item in items)
        case Repeat(item=item, most=most):
            length = _longest(item, rules, known)
            return 0 if not length else math.inf if most is None else length * most
    return 0


def _reachable(rules: Rules) -> dict[str, None]:
    found, waiting = {rules.root: None}, [rules.root]
    while waiting:
        for node in walk(rules.rules[waiting.pop()]):
            if isinstance(node, Ref) and node.rule not in found:
                found[node.rule] = None
                waiting.append(node.rule)
    return found


def _written(node: Node, prefix: str) -> str:
    """An expansion; empty where it never matches."""
    text = _expansion(node, prefix)
    if len(text) > SIZE_MAX:
        raise AuthorError("the grammar is too large to be recognised in speech")
    return text


def _expansion(node: Node, prefix: str) -> str:
    match node:
        case Token(text=text):
            return text
        case Tag():
            return "<NULL>"
        case Ref(rule=rule):
            return f"<{prefix}{rule}>"
        case OneOf(items=items):
            kept = [text for item in items if (text := _written(item, prefix))]
            return kept[0] if len(kept) == 1 else f"({' | '.join(kept)})" if kept else ""
        case Series(items=items):
            parts = [_written(item, prefix) for item in items if not isinstance(item, Tag)]
            return (
                ""
                if not all(parts)
                else " ".join(parts)
                if len(parts) == 1
                else f"({' '.join(parts)})"
                if parts
                else "<NULL>"
            )
        case Repeat(item=item, least=least, most=most):
            return _repeated(_written(item, prefix), least, most)


def _repeated(item: str, least: int, most: int | None) -> str:
    """JSGF counts no repeats: they are written out, and what may follow is nested."""
    if not item:
        return "" if least else "<NULL>"
    needed = [item] * least
    if most is None:
        needed.append(f"{item}*")
    elif most > least:
        needed.append("".join(f"[{item} " for _ in range(most - least - 1)) + f"[{item}]" + "]" * (most - least - 1))
    return needed[0] if len(needed) == 1 else f"({' '.join(needed)})" if needed else "<NULL>"
