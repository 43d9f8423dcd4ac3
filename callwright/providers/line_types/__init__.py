"""What tells kinds of lines."""
