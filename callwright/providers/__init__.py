"""Code that talks to somebody else's program or server; one file for each."""
