"""What this user agent is able to, as its messages say it (RFC 3261 §20.5, §20.37; RFC 6665 §8.2.2)."""

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY")
ALLOW = ", ".join(METHODS)
NOT_ALLOWED = frozenset({"REGISTER", "PUBLISH", "MESSAGE"})
"Methods that we know and do not serve: 405, where an unknown one is 501."

EVENTS = "refer"
"Packages of events that we tell of (Allow-Events); only a REFER subscribes to them."

EXTENSIONS = ("100rel", "timer", "replaces", "norefersub")
"What a peer may require of us (RFC 3262, RFC 4028, RFC 3891, RFC 4488)."

SUPPORTED = ", ".join(EXTENSIONS)
