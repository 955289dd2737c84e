-- Waiting reviews of many customers, of all priorities, who came in during the last two days. A hundredth is held.
INSERT INTO reviews (interaction_id, user_id, customer_message, draft_bubbles, priority, received_at, claimed_by,
    claimed_until)
SELECT gen_random_uuid(), 'user-' || n %% 20000, repeat('how much is it? ', 10), ARRAY['It is 50 dollars.', 'Shall we?'],
    (n * 7919 %% 100) / 100.0, now() - n %% 172800 * interval '1 second',
    CASE WHEN n %% 100 = 0 THEN 'somebody' END, CASE WHEN n %% 100 = 0 THEN now() + interval '1 hour' END
FROM generate_series(1, %(reviews)s) AS n
