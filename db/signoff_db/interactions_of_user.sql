-- A page of the ids of a customer's interactions, the newest first, behind that of `before` if it is given.
SELECT id
FROM interactions
WHERE user_id = %(user_id)s
    AND (%(before)s::uuid IS NULL OR (coalesce(created_at, '-infinity'), id) < (
        SELECT coalesce(i.created_at, '-infinity'), i.id FROM interactions i WHERE i.id = %(before)s::uuid))
ORDER BY created_at DESC NULLS LAST, id DESC
LIMIT %(limit)s
