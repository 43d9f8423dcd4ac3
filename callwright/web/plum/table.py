"""The Plum surface as one table: routes, fields, limits and codes. The routes and their OpenAPI both come from it."""

from typing import Any

from starlette.routing import Route, compile_path

from callwright.web.plum import dev_application, dev_calls, dev_outbound, dev_sms, dev_transcription, logs, outbound
from callwright.web.plum.endpoint import Endpoint, Field

_APPLICATION = Field("application_id", "The application's id.", True, where="path")
_DEPLOYMENT = Field("deployment_id", "The deployment's id.", True, where="path")
_COMMON = {
    401: "Credentials are missing, wrong, or of an inactive account.",
    405: "Another method.",
    500: "Database error.",
}
_PLAN = (
    Field("start_timestamp", "UNIX time at which dialling may begin; default now."),
    Field("end_timestamp", "UNIX time after which no attempt is made."),
    Field("max_attempts", "Attempts in all, 1 to 10; default 1."),
    Field("reattempt_wait", "Seconds between attempts, 60 to 86400; required when max_attempts is greater than 1."),
    Field("result_url", "Gets one POST of call_details when the call is over."),
    Field("is_pci", "1 runs the call in the secure environment, where the account has one."),
)
_QUEUE = (
    Field(
        "phone_number",
        "Digits with optional tel: and +, then optionally ;ani=<caller id> and ;postd=<keys to press after the answer>.",
        True,
        "tel:+12125550101;ani=2125550100",
    ),
    Field("metadata", "JSON object; its pairs become the application's variables.", example='{"first_name":"Ann"}'),
    *_PLAN,
)
_PAGE = (
    Field("start", "UNIX time, inclusive.", True, where="path"),
    Field("end", "UNIX time, exclusive.", True, where="path"),
    Field("number", "Only calls of the deployment with this number.", where="query"),
    Field("limit", "1 to 10000; default 1000.", where="query"),
    Field("offset", "Records to leave out; default 0.", where="query"),
)
_QUEUE_CODES = {
    400: "A field is malformed or out of its range.",
    403: "Another user's deployment.",
    404: "No such deployment.",
    409: "User, deployment or application is deleted.",
    413: "The body is too large.",
    **_COMMON,
}

ENDPOINTS = (
    Endpoint(
        "/api/apps/{application_id}/{deployment_id}/queue",
        "POST",
        "Queue an outbound call",
        "fuse-queue-call",
        outbound.queue,
        (_APPLICATION, _DEPLOYMENT, *_QUEUE),
        {200: "Queued: call_id.", **_QUEUE_CODES},
    ),
    Endpoint(
        "/api/apps/{application_id}/{deployment_id}/bulk_queue",
        "POST",
        "Queue an outbound call to each row of a CSV file",
        "fuse-queue-calls",
        outbound.bulk_queue,
        (
            _APPLICATION,
            _DEPLOYMENT,
            Field(
                "csv",
                "A file of at most 100,000 rows: the column destination, in the syntax of phone_number, then variables.",
                True,
                where="file",
            ),
            *_PLAN,
        ),
        {
            **_QUEUE_CODES,
            200: "Queued, all of them: call_ids, in the order of the rows.",
            400: "A field is malformed, or csv is missing or has a line that is wrong; nothing is queued.",
            415: "The body is not multipart/form-data.",
        },
    ),
    Endpoint(
        "/api/outbound/{call_id}",
        "GET",
        "Where an outbound call stands",
        "fuse-call-status",
        outbound.status,
        (Field("call_id", "What the queue call returned.", True, where="path"),),
        {200: "call_details.", 403: "Another user's call.", 404: "No such call.", **_COMMON},
    ),
    Endpoint(
        "/api/apps/{application_id}/{deployment_id}/cancel",
        "DELETE",
        "Cancel all calls of a deployment that are still queued",
        "fuse-cancel",
        outbound.cancel,
        (_APPLICATION, _DEPLOYMENT),
        {
            202: "Cancelled; no body.",
            403: "Another user's deployment.",
            404: "No such deployment.",
            409: "User, deployment or application is deleted.",
            **_COMMON,
        },
    ),
    Endpoint(
        "/api/calls/{start}/{end}",
        "GET",
        "Calls of a time range",
        "fuse-call-logs",
        logs.listed,
        _PAGE,
        {200: "calls and total_calls.", 400: "A time or a limit is malformed.", **_COMMON},
    ),
    Endpoint(
        "/api/all_logs/{start}/{end}",
        "GET",
        "Calls of a time range with their detailed logs",
        "fuse-all-logs",
        logs.listed_with_details,
        _PAGE,
        {200: "calls, each with detail, and total_calls.", 400: "A time or a limit is malformed.", **_COMMON},
    ),
    Endpoint(
        "/api/call/{session_id}",
        "GET",
        "The detailed log of one call",
        "fuse-call-log",
        logs.detailed,
        (Field("session_id", "The call's session id, with `;` raw or as %3B.", True, where="path"),),
        {200: "A list of entries.", 404: "No such call, or older than five days.", **_COMMON},
    ),
)

ALL: tuple[Endpoint, ...] = (
    *ENDPOINTS,
    *dev_calls.ENDPOINTS,
    *dev_application.ENDPOINTS,
    *dev_outbound.ENDPOINTS,
    *dev_sms.ENDPOINTS,
    *dev_transcription.ENDPOINTS,
)
"Fuse's, then DEV's."

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"]


_PATTERNS = [(compile_path(endpoint.path)[0], endpoint) for endpoint in ALL]


def routes() -> list[Route]:
    """Every method leads to the endpoint: it refuses the wrong ones itself, before anything else is looked at."""
    return [Route(endpoint.path, endpoint.serve, methods=METHODS) for endpoint in ALL]


def endpoint_of(path: str) -> Endpoint | None:
    return next((endpoint for pattern, endpoint in _PATTERNS if pattern.match(path)), None)


def openapi_paths() -> dict[str, Any]:
    """The table as OpenAPI 3.1 paths."""
    paths: dict[str, Any] = {}
    for endpoint in ALL:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return paths


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    content = {"application/json": {"schema": {}}, "application/xml": {"schema": {"type": "string"}}}
    operation: dict[str, Any] = {
        "tags": [endpoint.family],
        "summary": endpoint.summary,
        "operationId": endpoint.operation,
        "security": [{endpoint.scheme: []}] if endpoint.scheme else [],
        "parameters": [
            {
                "name": field.name,
                "in": field.where,
                "required": field.required,
                "description": field.description,
                "schema": {"type": "string"},
            }
            for field in endpoint.fields
            if field.where in ("path", "query")
        ],
        "responses": {
            str(code): {"description": text} | ({} if code == 202 else {"content": content})
            for code, text in sorted(endpoint.codes.items())
        },
    }
    form = [field for field in endpoint.fields if field.where in ("form", "file")]
    if form:
        schema = {
            "type": "object",
            "required": [field.name for field in form if field.required],
            "properties": {field.name: _property(field) for field in form},
        }
        kinds = ["multipart/form-data"]
        if all(field.where == "form" for field in form):
            kinds.insert(0, "application/x-www-form-urlencoded")
        operation["requestBody"] = {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}
    return operation


def _property(field: Field) -> dict[str, Any]:
    if field.where == "file":
        return {"type": "string", "format": "binary", "description": field.description}
    # An empty example is left out by the API page; without one it would send the word "string".
    return {"type": "string", "description": field.description, "example": field.example}
