-- Look for the text in some letters, the newest that the other conditions choose below `before_id`: at most
-- `window` of them, and as many of the first as hold `budget` bytes together, but at least one.
-- Returns how many were looked at, the id of the last of them, whether there are more, and the ids of those that
-- contain the text.
WITH candidates AS (
    SELECT id, octet_length(payload) AS size
    FROM (
        (SELECT id, payload FROM dead_letters
        WHERE state = 'dead' AND 'dead' = ANY(%(states)s) AND {chosen_by_columns}
            AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
        ORDER BY id DESC LIMIT %(window)s + 1)
        UNION ALL
        (SELECT id, payload FROM dead_letters
        WHERE state = 'resolved' AND 'resolved' = ANY(%(states)s) AND {chosen_by_columns}
            AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
        ORDER BY id DESC LIMIT %(window)s + 1)
        UNION ALL
        (SELECT id, payload FROM dead_letters
        WHERE state = 'discarded' AND 'discarded' = ANY(%(states)s) AND {chosen_by_columns}
            AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
        ORDER BY id DESC LIMIT %(window)s + 1)
    ) AS letter
    ORDER BY id DESC
    LIMIT %(window)s + 1
), sized AS (
    SELECT id, row_number() OVER newest_first AS place, sum(size) OVER newest_first - size AS bytes_before
    FROM candidates
    WINDOW newest_first AS (ORDER BY id DESC)
), looked_at AS MATERIALIZED (
    SELECT id FROM sized WHERE place <= %(window)s AND bytes_before < %(budget)s
)
SELECT (SELECT count(*) FROM looked_at), (SELECT min(id) FROM looked_at),
    (SELECT count(*) FROM candidates) > (SELECT count(*) FROM looked_at),
    ARRAY(
        SELECT id FROM looked_at JOIN dead_letters USING (id)
        WHERE {holds_text}
        ORDER BY id DESC
    )
