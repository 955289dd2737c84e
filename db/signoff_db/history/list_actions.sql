-- A page of what operators did, the newest first; of letters, the first ones; of details, their beginning. What a
-- replay notes of each of its letters is counted: how many came to which result. A filter that is null lets all
-- through.
--
-- A letter's actions are found first, by their index: in the order of time, all actions would be gone through.
SELECT a.id, a.actor, a.acted_at, a.action, a.reason, a.operation_id, a.database_role,
    cardinality(a.dead_letter_ids) AS letters,
    a.dead_letter_ids[1:%(most_letters)s::integer] AS first_letters,
    left(d.before, %(characters)s) AS before, octet_length(d.before) AS before_size,
    left(d.after, %(characters)s) AS after, octet_length(d.after) AS after_size,
    CASE WHEN a.is_replay THEN (
        SELECT jsonb_object_agg(result, letters)
        FROM (SELECT value AS result, count(*) AS letters FROM jsonb_each_text(a.after) GROUP BY value) AS counted
    ) END AS results
FROM (
    SELECT *, action = 'replay' AND jsonb_typeof(after) = 'object' AS is_replay
    FROM operator_actions
    WHERE (%(actor)s::text IS NULL OR actor = %(actor)s)
        AND (%(action)s::text IS NULL OR action = %(action)s)
        AND (%(letter)s::bigint IS NULL OR id = ANY(ARRAY(
            SELECT id FROM operator_actions WHERE dead_letter_ids @> ARRAY[%(letter)s]::bigint[])))
        AND (%(since)s::timestamptz IS NULL OR acted_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR acted_at < %(until)s)
        AND (%(before_at)s::timestamptz IS NULL OR (acted_at, id) < (%(before_at)s, %(before_id)s::bigint))
    ORDER BY acted_at DESC, id DESC
    LIMIT %(limit)s
) AS a
CROSS JOIN LATERAL (
    SELECT CASE WHEN NOT a.is_replay THEN nullif(a.before::text, 'null') END AS before,
        CASE WHEN NOT a.is_replay THEN nullif(a.after::text, 'null') END AS after
    OFFSET 0
) AS d
ORDER BY a.acted_at DESC, a.id DESC
