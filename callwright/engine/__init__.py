"""The process that owns the SIP port, runs calls and dials the outbound queue."""
