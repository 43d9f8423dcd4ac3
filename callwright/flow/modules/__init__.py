"""One file for each module of the builder; importing this package registers them all."""
