-- Write the contexts of `customers` (text[]; `contexts`, text[] of JSON): a customer without one is not known any more.
-- Texts are compared: equal numbers of JSON may be written differently.
WITH given AS MATERIALIZED (
    SELECT user_id, context::jsonb AS context
    FROM unnest(%(customers)b::text[], %(contexts)b::text[]) AS given (user_id, context)
),
gone AS (DELETE FROM contexts WHERE user_id IN (SELECT user_id FROM given WHERE context IS NULL))
INSERT INTO contexts AS c (user_id, context)
SELECT user_id, context FROM given WHERE context IS NOT NULL ORDER BY user_id
ON CONFLICT (user_id) DO UPDATE SET context = excluded.context, changed_at = now()
WHERE c.context::text <> excluded.context::text
