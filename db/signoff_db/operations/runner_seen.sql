SELECT max(seen_at) FROM operation_runners
