"""A black-box suite of the documented rules, run against any server by `callwright conformance`."""
