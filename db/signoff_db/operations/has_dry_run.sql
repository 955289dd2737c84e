-- Whether one of the latest operations was a dry run of all these letters, and is done.
SELECT EXISTS (
    SELECT FROM (SELECT * FROM operations ORDER BY id DESC LIMIT 200) AS latest
    WHERE dry_run AND action = 'replay' AND state = 'done' AND most_letters IS NULL
        AND selection = %(selection)s::jsonb)
