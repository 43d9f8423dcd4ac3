"""Performs a session's caller-facing commands on a leg."""
