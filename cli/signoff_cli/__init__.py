"""The command line: `signoff`, one command a file, and its own servers where none are set."""
