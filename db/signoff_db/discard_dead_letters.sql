-- Give the chosen letters up, the oldest first, at most `limit` of them.
UPDATE dead_letters SET state = 'discarded', resolved_at = now()
WHERE id IN (
    SELECT id FROM dead_letters
    WHERE {chosen}
    ORDER BY id
    LIMIT %(limit)s
    FOR UPDATE
)
RETURNING id
