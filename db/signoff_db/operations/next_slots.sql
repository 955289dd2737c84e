-- How far the next batch of an operation reaches: `size` letters after the place `after`, and on to the end of their last
-- group, but no further than `most` letters. No row if there is none.
--
-- Returns the last place; whether its group goes on after it; and those of `tried_ahead` that are in the batch.
WITH
enough AS (
    SELECT place, group_id FROM operation_letters
    WHERE operation_id = %(operation)s AND place > %(after)s AND place <= %(after)s::integer + %(size)s::integer
    ORDER BY place DESC
    LIMIT 1
),
reach AS (
    SELECT max(l.place) AS place
    FROM enough, operation_letters l
    WHERE l.operation_id = %(operation)s AND l.place >= enough.place AND l.place <= %(after)s::integer + %(most)s::integer
        AND l.group_id = enough.group_id
)
SELECT reach.place,
    EXISTS (
        SELECT FROM operation_letters
        WHERE operation_id = %(operation)s AND place = reach.place + 1 AND group_id = enough.group_id),
    ARRAY (
        SELECT letter_id FROM operation_letters
        WHERE operation_id = %(operation)s AND place > %(after)s AND place <= reach.place
            AND letter_id = ANY(%(tried_ahead)s::bigint[]))
FROM reach, enough
