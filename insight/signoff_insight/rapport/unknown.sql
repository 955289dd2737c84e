-- Which of `customers` (text[]) the ledger's database does not know.
SELECT given.user_id
FROM unnest(%(customers)b::text[]) AS given (user_id)
WHERE NOT EXISTS (SELECT FROM customers WHERE user_id = given.user_id)
    AND NOT EXISTS (SELECT FROM reviews WHERE user_id = given.user_id)
