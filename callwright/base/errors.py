"""Errors say whose fault it is."""


class CallwrightError(Exception):
    """Anything that is not a programming mistake (those are `assert`)."""


class AuthorError(CallwrightError):
    """The application is wrong: logged for its author; the call goes on, or ends with an apology."""

    def __init__(self, message: str, *, page: str = "", module: str = "", field: str = "") -> None:
        self.message, self.page, self.module, self.field = message, page, module, field
        where = ", ".join(
            f"{kind} {name!r}" for kind, name in (("page", page), ("module", module), ("field", field)) if name
        )
        super().__init__(f"{where}: {message}" if where else message)


class RequestError(CallwrightError):
    """An API client is wrong. `status` is an HTTP status; `field` names the bad input where there is one."""

    def __init__(self, status: int, message: str, *, field: str = "") -> None:
        self.status, self.message, self.field = status, message, field
        super().__init__(message)


class NotFound(RequestError):
    """404: there is nothing of that kind by that id, or not for this client to know of."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        super().__init__(404, f"No {noun} was found by that id.")


class Deleted(RequestError):
    """409: it was there, and has been deleted."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        super().__init__(409, f"The {noun} has been deleted.")


class Forbidden(RequestError):
    """403: it is somebody else's. `action` completes "You do not have permission to …"."""

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__(403, f"You do not have permission to {action}.")


class Unauthorized(RequestError):
    """401: who asks is not known, or may not ask at all. `reason`: `unknown` or `inactive`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(401, "Account is inactive." if reason == "inactive" else "Invalid email or developer key.")


class PeerError(CallwrightError):
    """A SIP peer or carrier broke the rules."""


class ProviderError(CallwrightError):
    """Somebody else's server or program failed.

    `retryable`: the same request may succeed later. `unsent`: it is certain that nothing of the request went out.
    """

    def __init__(self, message: str, *, retryable: bool = False, unsent: bool = False) -> None:
        self.retryable, self.unsent = retryable, unsent
        super().__init__(message)
