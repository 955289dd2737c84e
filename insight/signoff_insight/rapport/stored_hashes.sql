-- The hashes of the contexts that are stored of `customers` (text[]).
SELECT user_id, sha256(convert_to(context::text, 'UTF8')) FROM contexts WHERE user_id = ANY(%(customers)b::text[])
