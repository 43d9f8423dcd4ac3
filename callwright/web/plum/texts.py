"""The words of the Plum surface's errors, each once.

Only `deployment`'s 404 is known from Plum's documents; the others are ours until a real reply is seen, and can be
corrected here (docs/compatibility/README.md).
"""

from callwright.base.contacts import ContactsError
from callwright.base.errors import Deleted, Forbidden, NotFound, RequestError, Unauthorized

NOT_FOUND = {
    "deployment": "No deployment was found by that application id and deployment id.",
    "outbound call": "No outbound call was found by that call id.",
    "call log": "Call log not found.",
    "page": "Not found.",
}
HEADER_MISSING = "Authorization header is missing."
HEADER_MALFORMED = "Authorization header is malformed."
CREDENTIALS = "Invalid email or developer key."
INACTIVE = "Account is inactive."
METHOD = "Invalid HTTP method, only {method} is allowed."
DATABASE = "Database error."
INTERNAL = "Internal error {reference}."
BODY_TOO_LARGE = "The request body is larger than {limit} bytes."
BODY_TOO_SLOW = "The request body did not come within {limit} seconds."
BODY_MALFORMED = "The request body cannot be read."

PHONE_NUMBER = "phone_number is missing or invalid."
TIMESTAMP = "{field} is invalid."
END_BEFORE_START = "end_timestamp must be after start_timestamp."
MAX_ATTEMPTS = "max_attempts must be an integer between 1 and 10."
REATTEMPT_WAIT = "reattempt_wait must be an integer between 60 and 86400."
REATTEMPT_WAIT_MISSING = "reattempt_wait is required when max_attempts is greater than 1."
METADATA = "metadata must be a JSON object."
METADATA_LARGE = "metadata must not be larger than {limit} bytes."
RESULT_URL = "result_url is not a valid URL."
IS_PCI = "is_pci must be 0 or 1."
RANGE = "{field} must be an integer between {low} and {high}."
END_BEFORE_START_LOGS = "end must be after start."

MEDIA_TYPE = "Content-Type must be multipart/form-data."
CSV_MISSING = "csv is missing."
CSV = {
    "header": "The first column of the CSV must be named destination.",
    "columns": "The CSV must not have more than {limit} columns.",
    "name": "Column {found} of the CSV must have a name of 1 to {limit} characters.",
    "same name": "Two columns of the CSV are named {found}.",
    "no rows": "The CSV has no rows.",
    "rows": "The CSV has more than {limit} rows, the first of them on line {line}.",
    "destination": "Invalid destination on line {line}.",
    "fields": "Line {line} of the CSV has {found} fields where the header has {limit}.",
    "row": "The row on line {line} of the CSV has more than {limit} characters.",
    "line": "Line {line} of the CSV has more than {limit} bytes.",
    "utf-8": "Line {line} of the CSV is not UTF-8 text.",
    "quotes": "Line {line} of the CSV cannot be read: a quote or a line break is out of place.",
}


def of_contacts(error: ContactsError) -> str:
    return CSV[error.problem].format(line=error.line, limit=error.limit, found=error.found)


def text_of(error: RequestError) -> str:
    """What a client reads."""
    match error:
        case NotFound(noun=noun):
            return NOT_FOUND.get(noun, error.message)
        case Deleted(noun=noun):
            return f"The {noun} has been deleted."
        case Forbidden(action=action):
            return f"You do not have permission to {action}."
        case Unauthorized(reason=reason):
            return INACTIVE if reason == "inactive" else CREDENTIALS
    return error.message


DEV_UNAUTHORIZED = "Unauthorized access to {service} service"
"The only one of DEV's texts that is known for certain."

DEV_NOT_FOUND = {
    "call log": "log not found",
    "number": "phone_number is not a number of this account",
    "message": "message not found",
    "transcription": "transcription not found",
}
DEV_PHONE_NUMBER = "phone_number must have 10 digits"
DEV_DEMO = "Logging is not available on demo accounts"
DEV_START = "start_timestamp must be within the last year"
DEV_END = "end_timestamp must be after start_timestamp"
DEV_LIMIT = "limit must be between {low} and {high}"
DEV_OFFSET = "offset must be between 0 and {high}"
SMS_MSG_TYPE = "msg_type must be inbound, outbound, all or blank"
SMS_NUMBER_TYPE = (
    "number_type must be account or customer, with phone_number and a msg_type of inbound or outbound, and only then"
)
SMS_NUMBER_MISSING = "{field} is missing"
SMS_ORDER = "order must be asc, desc or blank"
TRANSCRIPTION_AUDIO_MISSING = "audio is missing"
DEV_TIMESTAMP = "{field} must be a UNIX timestamp"

DEV_PHONE_MISSING = "phone_number is missing or invalid"
DEV_URL = "{field} is missing or not a valid URL"
DEV_MISSING = "{field} is missing"
DEV_INVALID = "{field} is invalid"
DEV_LENGTH = "{field} must not be longer than {limit} characters"
DEV_RANGE = "{field} must be an integer between {low} and {high}"
DEV_TIME = "{field} is not a time that can be read"
DEV_BOTH = "{one} and {other} cannot both be given"
DEV_EXPIRED = "the expiration must be after the scheduled time and after now"


def dev_text_of(error: RequestError) -> str:
    """What a DEV client reads in the envelope."""
    if isinstance(error, NotFound):
        return DEV_NOT_FOUND.get(error.noun, f"{error.noun} not found")
    return text_of(error)
