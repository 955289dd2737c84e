-- A page of the chosen letters, the newest first, below `before_id` if that is given; without payloads,
-- and with the first `characters` of the texts. Each state is read by itself: an index holds the
-- letters of each in their order, so that the time does not grow with how many there are of others.
SELECT {letter_columns}
FROM (
    (SELECT * FROM dead_letters
    WHERE state = 'dead' AND 'dead' = ANY(%(states)s) AND {chosen}
        AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
    ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM dead_letters
    WHERE state = 'resolved' AND 'resolved' = ANY(%(states)s) AND {chosen}
        AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
    ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM dead_letters
    WHERE state = 'discarded' AND 'discarded' = ANY(%(states)s) AND {chosen}
        AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
    ORDER BY id DESC LIMIT %(limit)s)
) AS letter
ORDER BY id DESC
LIMIT %(limit)s
