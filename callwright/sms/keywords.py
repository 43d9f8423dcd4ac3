"""The words that stop texts, start them again, or ask for help (docs/compatibility/dev-sms.md)."""

from typing import Literal

Keyword = Literal["stop", "start", "help"]

STOP = frozenset({"STOP", "CANCEL", "END", "QUIT", "STOPALL", "UNSUBSCRIBE", "REVOKE", "OPTOUT"})
START = frozenset({"START", "UNSTOP", "YES"})
AGREES = "YES"
"Of START; where an application answers, it starts nothing for somebody who has stopped nothing."

HELP = frozenset({"HELP", "INFO"})

STOPPED = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe."
)
STARTED = (
    "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply."
)
HELPED = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."

ANSWERS: dict[Keyword, str] = {"stop": STOPPED, "start": STARTED, "help": HELPED}


def keyword(body: str) -> Keyword | None:
    """What a text asks for: the whole of it is one of the words, whatever its case and the space around it."""
    word = body.strip().upper()
    if word in STOP:
        return "stop"
    if word in START:
        return "start"
    return "help" if word in HELP else None
