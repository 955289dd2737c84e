"""The use cases of commands and pages: typed functions that never print or exit."""
