"""The fault suite: faults of servers, workers, publishers and networks, and the checks."""
