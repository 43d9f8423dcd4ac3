"""Runs the rules against a server, one after another."""

from collections.abc import Collection, Iterable

import httpx

from callwright.base.errors import ProviderError
from callwright.conformance import dev_application, dev_logs, dev_outbound, dev_sms, fuse, fuse_logs, fuse_queue
from callwright.conformance.rule import RULES, Result, Rule, Violation
from callwright.conformance.target import Target, Unexpected

MODULES = (fuse, fuse_logs, fuse_queue, dev_logs, dev_application, dev_sms, dev_outbound)
"Each registers its rules."

NEEDS = {
    "deployment": "--application and --deployment",
    "number": "--number, with --application and --deployment",
    "dev": "--dev-login and --dev-password",
    "pin": "--dev-login and --dev-pin",
}

ODD_SHAPES = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"What reading a reply raises that is built otherwise than any documented one."


async def run(
    target: Target,
    rules: Iterable[Rule] = RULES,
    *,
    documented_only: bool = False,
    pages: Collection[str] = (),
) -> list[Result]:
    """The results in the order of the rules. Raises `ProviderError` where there is no server."""
    try:
        await target.client.get("/")
    except httpx.HTTPError as error:
        raise ProviderError(f"{target.client.base_url} does not answer: {error!r}") from None
    results = []
    try:
        for rule in rules:
            if (pages and rule.page not in pages) or (documented_only and rule.inferred):
                continue
            results.append(await _result(target, rule))
    finally:
        if target.has_queued:
            await target.cancel()
    return results


async def _result(target: Target, rule: Rule) -> Result:
    missing = [NEEDS[need] for need in sorted(rule.needs) if not target.has(need)]
    if missing:
        return Result(rule, "skipped", f"needs {' and '.join(missing)}")
    try:
        await rule.check(target)
    except (Violation, Unexpected) as error:
        return Result(rule, "fail", str(error))
    except httpx.HTTPError as error:
        return Result(rule, "fail", f"no answer: {error!r}")
    except ODD_SHAPES as error:
        return Result(rule, "fail", f"the reply is built otherwise: {error!r}")
    return Result(rule, "pass")
