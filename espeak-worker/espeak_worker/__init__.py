"""espeak-ng behind a pipe: text in on stdin, PCM out on stdout. See README.md for the two lines of its protocol."""
