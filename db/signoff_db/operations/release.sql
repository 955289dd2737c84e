-- Let any runner take it again, after some seconds.
UPDATE operations
SET lease = NULL, due_at = now() + %(seconds)s * interval '1 second', takes = 0
WHERE id = %(operation)s AND lease = %(lease)s
