"""The fault suite: what is done to servers, workers, publishers, networks; what must hold."""
