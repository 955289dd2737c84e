-- Fix the letters of an operation: those of another operation that are still dead, the oldest `limit` of them.
WITH chosen AS (
    SELECT letter_id, group_id FROM operation_letters l
    JOIN dead_letters d ON d.id = l.letter_id AND d.state = 'dead'
    WHERE l.operation_id = %(of_operation)s
    ORDER BY letter_id
    LIMIT %(limit)s::bigint
)
INSERT INTO operation_letters (operation_id, place, letter_id, group_id)
SELECT %(operation)s, row_number() OVER (ORDER BY group_id, letter_id), letter_id, group_id FROM chosen
