"""The routes that people open in a browser."""
