-- The letters of an operation in the places after `after`, up to `upto`, that are dead and not tried yet: as many as hold
-- `budget` bytes of payloads together, but at least one. Of a payload, the first `most_bytes`, and whether it is
-- complete. And how many there are without the budget. Each letter is looked up once; what is large is read only of
-- those that fit.
SELECT dead, place, group_id,
    id, left(job_id, 2000), substring(payload FROM 1 FOR %(most_bytes)s), event_id, content_hash,
    size <= %(most_bytes)s AND detail->0->'size' IS NULL, left(message, 2000)
FROM (
    SELECT l.place, l.group_id, d.id, d.job_id, d.payload, d.event_id, d.content_hash, d.detail, d.message, d.size,
        count(*) OVER () AS dead,
        sum(least(d.size, %(most_bytes)s)) OVER (ORDER BY l.place) - least(d.size, %(most_bytes)s) AS bytes_before
    FROM operation_letters l
    JOIN LATERAL (
        SELECT *, octet_length(payload) AS size FROM dead_letters
        WHERE id = l.letter_id AND state = 'dead' OFFSET 0
    ) AS d ON true
    WHERE l.operation_id = %(operation)s AND l.place > %(after)s AND l.place <= %(upto)s
        AND l.letter_id <> ALL(%(tried_ahead)s::bigint[])
) AS sized
WHERE bytes_before < %(budget)s
ORDER BY place
