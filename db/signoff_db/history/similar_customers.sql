-- Customers whose id begins with `beginning`. They are looked for among the ids that follow it in the order of the
-- index: whatever order the database has for texts, this takes the same time. In an order that ignores case or
-- punctuation some may stand elsewhere.
SELECT user_id
FROM (
    SELECT user_id FROM customers
    WHERE user_id >= %(beginning)s
    ORDER BY user_id
    LIMIT %(looked_at)s
) AS next
WHERE starts_with(user_id, %(beginning)s) AND user_id <> %(beginning)s
LIMIT %(limit)s
