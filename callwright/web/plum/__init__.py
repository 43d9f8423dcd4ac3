"""The Plum-compatible routes, from one table."""
