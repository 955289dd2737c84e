SELECT EXISTS (
    SELECT FROM operations
    WHERE state IN ('waiting', 'running') AND due_at <= now() AND id <> %(operation)s)
