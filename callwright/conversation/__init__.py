"""Drives a Run: performs its world-facing commands and keeps its journal."""
