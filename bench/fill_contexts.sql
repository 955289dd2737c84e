-- Fill the second database up to `customers` contexts: copies of those that are there, under other user_ids.
WITH given AS MATERIALIZED (
    SELECT context, row_number() OVER (ORDER BY user_id) - 1 AS n, count(*) OVER () AS contexts FROM contexts
),
copied AS (
    SELECT given.context, 'copy-' || k || '-' || given.n AS user_id, k * given.contexts + given.n AS place
    FROM generate_series(1, %(customers)s / (SELECT count(*) FROM contexts)) AS k, given
)
INSERT INTO contexts (user_id, context)
SELECT user_id, jsonb_set(context, '{user_id}', to_jsonb(user_id)) FROM copied WHERE place < %(customers)s
