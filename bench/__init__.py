"""Benchmarks that anyone can run: `./dev bench --list`."""
