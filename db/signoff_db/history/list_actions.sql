-- A page of what operators did, the newest first; of letters, the first ones; of details, their beginning, and of a
-- replay how many letters came to which result. A filter that is null lets all through.
SELECT a.id, a.actor, a.acted_at, a.action, a.reason,
    cardinality(a.dead_letter_ids) AS letters,
    a.dead_letter_ids[1:%(most_letters)s::integer] AS first_letters,
    left(nullif(a.before::text, 'null'), %(characters)s) AS before, octet_length(nullif(a.before::text, 'null')) AS before_size,
    left(nullif(a.after::text, 'null'), %(characters)s) AS after, octet_length(nullif(a.after::text, 'null')) AS after_size,
    CASE WHEN a.action = 'replay' AND jsonb_typeof(a.after) = 'object' THEN (
        SELECT jsonb_object_agg(result, letters)
        FROM (SELECT value AS result, count(*) AS letters FROM jsonb_each_text(a.after) GROUP BY value) AS counted
    ) END AS results
FROM operator_actions a
WHERE (%(actor)s::text IS NULL OR a.actor = %(actor)s)
    AND (%(action)s::text IS NULL OR a.action = %(action)s)
    AND (%(letter)s::bigint IS NULL OR a.dead_letter_ids @> ARRAY[%(letter)s]::bigint[])
    AND (%(since)s::timestamptz IS NULL OR a.acted_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR a.acted_at < %(until)s)
    AND (%(before_at)s::timestamptz IS NULL OR (a.acted_at, a.id) < (%(before_at)s, %(before_id)s::bigint))
ORDER BY a.acted_at DESC, a.id DESC
LIMIT %(limit)s
