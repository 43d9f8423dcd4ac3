"""The variables of a session: paths, templates, and which values are private. Pure."""
