"""`python -m callwright.providers.rehearsal_worker`: plays an application's own transcripts, whose scripts are anybody's.

Run in a process of its own, which can be ended: QuickJS has built-in functions that it cannot interrupt.
"""

from collections.abc import Iterator
from typing import Any

from callwright.flow.application import Application, build
from callwright.providers.pipe_loop import serve
from callwright.rehearsal.transcript import TranscriptError, parse, play


def answer(question: dict[str, Any], _: bytes = b"") -> dict[str, Any]:
    """{document: a valid one} → {failed: what is wrong with each transcript that does not pass}"""
    return {"failed": list(failed(build(question["document"])))}


def failed(application: Application) -> Iterator[str]:
    for name, text in application.transcripts.items():
        try:
            mismatch = play(application, parse(text)).mismatch
        except TranscriptError as error:
            yield f"transcript {name!r}: {error}"
        else:
            if mismatch is not None:
                yield f"transcript {name!r}: {' '.join(str(mismatch).split())}"


if __name__ == "__main__":
    serve(answer)
