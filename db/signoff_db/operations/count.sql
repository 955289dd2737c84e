-- Note how many letters an operation is about, and tell the runners that it waits.
UPDATE operations SET letters = %(letters)s WHERE id = %(operation)s
RETURNING pg_notify('signoff_operations', '')
