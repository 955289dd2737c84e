-- Delete the letters of one operation that ended longer ago than `kept`; what it did and its results stay.
DELETE FROM operation_letters
WHERE operation_id = (
    SELECT id FROM operations o
    WHERE ended_at < now() - %(kept)s::interval
        AND EXISTS (SELECT FROM operation_letters l WHERE l.operation_id = o.id)
    ORDER BY id LIMIT 1)
