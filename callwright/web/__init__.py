"""The HTTP process: the Plum surface, our own /v1, and the API docs page."""
