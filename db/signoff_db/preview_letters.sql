-- Letters before an operator acts on them, in the order of `letters` (bigint[]): what each is about, the first
-- `characters` of its message, whether its event_id is known, and its payload if it has at most `most_bytes`.
SELECT d.id, fingerprint, kind, left(message, %(characters)s) AS message, event_id IS NOT NULL AS named,
    left(user_id, %(characters)s) AS user_id,
    CASE WHEN octet_length(payload) <= %(most_bytes)s THEN payload END AS payload
FROM unnest(%(letters)s::bigint[]) WITH ORDINALITY AS named (id, place)
JOIN dead_letters d USING (id)
ORDER BY place
