"""The command line: `signoff`, one command a file, and servers of its own where there are none."""
