-- The customers whose contexts a rebuild looks at next.
SELECT user_id FROM contexts
WHERE %(after)s::text IS NULL OR user_id > %(after)s::text
ORDER BY user_id LIMIT %(most)s
