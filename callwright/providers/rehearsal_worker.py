"""`python -m callwright.providers.rehearsal_worker`: plays transcripts against an application, whose scripts are anybody's.

Run in a process of its own, which can be ended: QuickJS has built-in functions that it cannot interrupt.
"""

from typing import Any

from callwright.flow.application import build
from callwright.providers.pipe_loop import serve
from callwright.rehearsal.results import rehearse


def answer(question: dict[str, Any], _: bytes = b"") -> dict[str, Any]:
    """{document, transcripts: {name: text}, others: [document]}, all of them valid → what `Results.as_data` has."""
    others = [build(document) for document in question["others"]]
    return rehearse(build(question["document"]), question["transcripts"].items(), others=others).as_data()


if __name__ == "__main__":
    serve(answer)
