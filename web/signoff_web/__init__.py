"""The web service: the HTTP API, the review desk and the console."""
