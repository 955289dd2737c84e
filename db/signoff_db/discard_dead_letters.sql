-- Give up those of `letters` (bigint[]) that are still dead; locked in one order.
UPDATE dead_letters SET state = 'discarded', resolved_at = now()
WHERE id IN (
    SELECT id FROM dead_letters
    WHERE id = ANY(%(letters)s::bigint[]) AND state = 'dead'
    ORDER BY id
    FOR UPDATE
)
RETURNING id
