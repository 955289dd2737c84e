-- Which things have this id: `id` (uuid) may be null, and `number` (bigint) too.
SELECT
    EXISTS (SELECT FROM interactions WHERE id = %(id)s::uuid) AS is_interaction,
    EXISTS (SELECT FROM reviews WHERE interaction_id = %(id)s::uuid) AS is_review,
    EXISTS (SELECT FROM dead_letters WHERE state = 'dead' AND interaction_id = %(id)s::uuid)
        OR EXISTS (SELECT FROM dead_letters WHERE state = 'discarded' AND interaction_id = %(id)s::uuid)
        AS is_interaction_of_letter,
    EXISTS (SELECT FROM customers WHERE user_id = %(text)s::text) AS is_customer,
    EXISTS (SELECT FROM reviews WHERE user_id = %(text)s::text) AS is_customer_of_review,
    EXISTS (SELECT FROM dead_letters WHERE state = 'dead' AND user_id = %(text)s::text)
        OR EXISTS (SELECT FROM dead_letters WHERE state = 'discarded' AND user_id = %(text)s::text)
        AS is_customer_of_letter,
    EXISTS (SELECT FROM dead_letters WHERE id = %(number)s::bigint) AS is_letter,
    EXISTS (SELECT FROM dead_letters WHERE state = 'dead' AND fingerprint = %(text)s::text) AS is_cause
