-- Which of `customers` (text[]) have another context than they must have (`contexts`, text[] of JSON; null: none), and
-- in which fields. Texts are compared: equal numbers of JSON may be written differently.
SELECT given.user_id, c.context IS NULL AS is_missing, given.context IS NULL AS is_unknown,
    ARRAY(
        SELECT key
        FROM jsonb_each(given.context) AS must (key, value)
        FULL JOIN jsonb_each(c.context) AS has (key, value) USING (key)
        WHERE must.value::text IS DISTINCT FROM has.value::text
        ORDER BY key COLLATE "C") AS fields
FROM (
    SELECT user_id, context::jsonb AS context
    FROM unnest(%(customers)b::text[], %(contexts)b::text[]) AS given (user_id, context)
) AS given
LEFT JOIN contexts c ON c.user_id = given.user_id
WHERE given.context::text IS DISTINCT FROM c.context::text
ORDER BY given.user_id
