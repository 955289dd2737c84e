"""Other Python queues, each at its best setting; `rival.py` says what the file of each holds."""
