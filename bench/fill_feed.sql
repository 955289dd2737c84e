-- One transaction's events, of which only the ledger knows.
INSERT INTO approvals (event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id,
    final_bubbles, edit_tags, quality_score, customer_status, ltv_amount, content_hash)
SELECT gen_random_uuid(), 1, '2026-01-01Z'::timestamptz + n * interval '1 second', gen_random_uuid(),
    'customer-' || n, 'reviewer-1', ARRAY['thanks for your order!', 'that is number ' || n], ARRAY['CTA_SOFT'],
    1 + n %% 5, 'CUSTOMER', n / 100.0, '\x00112233445566778899aabbccddeeff'
FROM generate_series(1, %(events)s) AS n
