"""`python -m callwright.providers.javascript_worker`: runs authors' scripts for the pool."""

from typing import Any

from callwright.providers.pipe_loop import serve
from callwright.script.javascript import ScriptError, evaluate


def answer(question: dict[str, Any], _: bytes) -> dict[str, Any]:
    """`{value, changes}`, or `{thrown}` with the script's error."""
    try:
        result = evaluate(
            question["script"],
            question["scope"],
            libraries=question["libraries"],
            now=question["now"],
            seed=question["seed"],
        )
    except ScriptError as error:
        return {"thrown": error.message}
    return {"value": result.value, "changes": dict(result.changes)}


if __name__ == "__main__":
    serve(answer)
