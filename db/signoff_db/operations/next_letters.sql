-- The letters of an operation in the places after `after`, up to `upto`, that are dead and not tried yet: as many as hold
-- `budget` bytes of payloads together, but at least one. Of a payload, the first `most_bytes`, and whether it is
-- complete. And how many there are without the budget.
WITH sized AS (
    SELECT l.place, l.group_id, d.id, count(*) OVER () AS dead,
        sum(least(octet_length(d.payload), %(most_bytes)s)) OVER (ORDER BY l.place)
            - least(octet_length(d.payload), %(most_bytes)s) AS bytes_before
    FROM operation_letters l
    JOIN dead_letters d ON d.id = l.letter_id AND d.state = 'dead'
    WHERE l.operation_id = %(operation)s AND l.place > %(after)s AND l.place <= %(upto)s
        AND l.letter_id <> ALL(%(tried_ahead)s::bigint[])
)
SELECT s.dead, s.place, s.group_id,
    d.id, left(job_id, 2000), substring(payload FROM 1 FOR %(most_bytes)s), event_id, content_hash,
    octet_length(payload) <= %(most_bytes)s AND detail->0->'size' IS NULL, left(message, 2000)
FROM sized s
JOIN dead_letters d USING (id)
WHERE bytes_before < %(budget)s
ORDER BY s.place
