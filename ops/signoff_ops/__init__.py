"""The use cases: what commands and pages do, each one typed function that never prints or exits."""
