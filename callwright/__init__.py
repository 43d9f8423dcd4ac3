"""Callwright: call flows, SIP telephony, an outbound queue and a Plum-compatible API in one process tree."""

__version__ = "0.1.0"
