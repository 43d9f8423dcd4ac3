"""What an application URL answers to a text: texts to be sent, as XML (docs/compatibility/dev-sms.md, Receiving).

<reply>
  <sms_message>to whoever wrote</sms_message>
  <sms_message to="12125550101,12125550102" from="12125550199" result_url="https://…">to others</sms_message>
</reply>
"""

from dataclasses import dataclass

from lxml import etree

from callwright.base.errors import PeerError

TEXTS_MAX = 50
RECIPIENTS_MAX = 50
"Of one text."


@dataclass(frozen=True, slots=True)
class Reply:
    """A text to be sent."""

    body: str
    to: tuple[str, ...] = ()
    "Empty: to whoever wrote."

    sender: str = ""
    "Empty: from the number that it was written to."

    result_url: str = ""


def parse(answer: bytes) -> list[Reply]:
    """Raises `PeerError` with what is wrong. An empty answer holds no text."""
    if not answer.strip():
        return []
    if b"<!DOCTYPE" in answer or b"<!ENTITY" in answer:
        raise PeerError("the answer must not have a document type declaration")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        top = etree.fromstring(answer.strip(), parser)
    except etree.XMLSyntaxError as error:
        raise PeerError(f"the answer is not XML: {error}") from None
    if top.tag != "reply":
        raise PeerError(f"the answer is <{str(top.tag)[:50]}>, and not <reply>")
    if len(top) > TEXTS_MAX:
        raise PeerError(f"the answer has more than {TEXTS_MAX} texts")
    texts = []
    for element in top:
        if element.tag != "sms_message":
            raise PeerError(f"<reply> holds <{str(element.tag)[:50]}>, and not <sms_message>")
        to = tuple(one.strip() for one in element.get("to", "").split(",") if one.strip())
        body = "".join(map(str, element.itertext())).strip()
        if not body:
            raise PeerError("an <sms_message> is empty")
        if len(to) > RECIPIENTS_MAX:
            raise PeerError(f"an <sms_message> has more than {RECIPIENTS_MAX} numbers in to")
        texts.append(Reply(body, to, element.get("from", "").strip(), element.get("result_url", "").strip()))
    return texts
