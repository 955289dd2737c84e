-- How many letters of an operation are dead, as far as `most`.
SELECT count(*) FROM (
    SELECT FROM operation_letters l
    JOIN dead_letters d ON d.id = l.letter_id AND d.state = 'dead'
    WHERE l.operation_id = %(operation)s
    LIMIT %(most)s) AS found
