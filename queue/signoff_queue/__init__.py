"""The Redis side of the queue: take and acknowledge batches, read and account for what is there."""
