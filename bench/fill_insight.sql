-- Fill the ledger with about six approvals for each of `customers` customers in eighteen months, consistent with the
-- tables. Each is a prospect first. Most are qualified after some days, and some of these buy: most once, a few more
-- than a hundred times. Who stays away is lost or churned, and some come back. Most replies give no status.
-- An interaction is five approvals of a customer. As in a ledger that grew, rows lie in order of time. Indexes are
-- made at the end, which is faster.
SET work_mem = '256MB';
SET maintenance_work_mem = '1GB';
ALTER TABLE approvals DROP CONSTRAINT approvals_pkey;
DROP INDEX approvals_of_interaction;
DROP INDEX approvals_in_feed_order;
ALTER TABLE interactions DROP CONSTRAINT interactions_pkey;
DROP INDEX interactions_of_user;
SELECT setseed(0.15);

CREATE FUNCTION pg_temp.days_later(since timestamptz, mean double precision) RETURNS timestamptz LANGUAGE sql AS
    'SELECT since - ln(1 - random()) * mean * interval ''1 day''';

CREATE TEMPORARY TABLE person AS
SELECT *, CASE WHEN random() < 0.08 THEN pg_temp.days_later(left_at, 30) END AS returned_at
FROM (
    SELECT *, CASE
        WHEN bought_at IS NOT NULL THEN CASE WHEN random() < 0.6 THEN active_until + interval '90 days' END
        WHEN qualified_at IS NOT NULL THEN
            CASE WHEN random() < 0.5 THEN pg_temp.days_later(qualified_at + interval '30 days', 30) END
        WHEN random() < 0.6 THEN pg_temp.days_later(began_at + interval '20 days', 20)
        END AS left_at
    FROM (
        SELECT *, least(pg_temp.days_later(bought_at, 250), greatest('2026-07-01Z', bought_at)) AS active_until,
            least(150, floor(power(1 - random(), -0.75)))::integer AS purchases,
            15 + 60 * power(random(), 3) AS usual_usd,
            floor(6 * random())::integer AS replies
        FROM (
            SELECT *, CASE WHEN random() < 0.5 THEN pg_temp.days_later(qualified_at, 20) END AS bought_at
            FROM (
                SELECT *, CASE WHEN random() < 0.8 THEN pg_temp.days_later(began_at, 6) END AS qualified_at
                FROM (
                    SELECT n, '2025-01-01Z'::timestamptz + random() * interval '546 days' AS began_at
                    FROM generate_series(1, {customers}) AS n
                ) AS begun
            ) AS qualified
        ) AS bought
    ) AS active
) AS gone;

CREATE TEMPORARY TABLE happened AS
SELECT n, place, at, status, amount::numeric(7,2) AS amount,
    hashint8(n * 1000 + place) & 2147483647 AS chance,
    md5('interaction ' || n || ' ' || place / 5)::uuid AS interaction_id,
    md5('event ' || n || ' ' || place)::uuid AS event_id
FROM (
    SELECT n, row_number() OVER (PARTITION BY n ORDER BY at) - 1 AS place, at, status, amount
    FROM (
        SELECT n, began_at AS at, 1 AS status, NULL::double precision AS amount FROM person
        UNION ALL
        SELECT n, qualified_at, 2, NULL FROM person
        UNION ALL
        SELECT n, CASE k WHEN 1 THEN bought_at ELSE
                bought_at + random() * (active_until - bought_at) + k * interval '1 second' END,
            3, usual_usd * (0.5 + random())
        FROM person, generate_series(1, purchases) AS k
        UNION ALL
        SELECT n, began_at + random() * interval '60 days' + k * interval '1 second', NULL, NULL
        FROM person, generate_series(1, replies) AS k
        UNION ALL
        SELECT n, left_at, CASE WHEN bought_at IS NOT NULL OR n % 3 = 0 THEN 4 ELSE 5 END, NULL FROM person
        UNION ALL
        SELECT n, returned_at, 3, usual_usd FROM person
    ) AS planned
    WHERE at < '2026-07-01Z'
) AS placed;

CREATE FUNCTION pg_temp.status_of(number bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
    'SELECT (ARRAY[''PROSPECT'', ''LEAD_QUALIFIED'', ''CUSTOMER'', ''CHURNED'', ''LEAD_EXHAUSTED''])[number]';

CREATE FUNCTION pg_temp.tags_of(chance integer) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE chance % 24
        WHEN 0 THEN ARRAY['CTA_DIRECT', 'STRUCT_SHORTEN']
        WHEN 1 THEN ARRAY['TEXT_SPEAK']
        WHEN 2 THEN ARRAY['CONTENT_REWRITE', 'TONE_LESS_IA']
        WHEN 3 THEN ARRAY['CTA_MEDIUM']
        WHEN 4 THEN ARRAY['CTA_MEDIUM', 'CONTENT_QUESTION']
        WHEN 5 THEN ARRAY['TONE_FLIRT_UP', 'CONTENT_EMOJI_ADD']
        WHEN 6 THEN ARRAY['CONTENT_QUESTION']
        ELSE CASE WHEN chance % 24 < 12 THEN ARRAY['TONE_CASUAL'] ELSE ARRAY['CTA_SOFT'] END
        END
$$;

CREATE FUNCTION pg_temp.cta_of(chance integer) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN chance % 7 = 0 THEN
        jsonb_build_object('type', (ARRAY['call', 'coupon', 'visit', 'survey'])[chance / 7 % 4 + 1]) END
$$;

INSERT INTO approvals (event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id,
    final_bubbles, edit_tags, quality_score, cta_data, customer_status, ltv_amount, content_hash)
SELECT event_id, 1, at, interaction_id, 'customer-' || n, 'reviewer-' || floor(sqrt(chance % 400)),
    ARRAY['thanks for your message!', 'that is number ' || place], pg_temp.tags_of(chance), 5,
    pg_temp.cta_of(chance), pg_temp.status_of(status), amount, '\x00112233445566778899aabbccddeeff'
FROM happened
ORDER BY at;

-- What the last approval gave is that of the greatest place, and a status is packed into the same number.
INSERT INTO interactions (id, user_id, review_status, reviewer_id, final_bubbles, edit_tags, quality_score, cta_data,
    customer_status, ltv_usd, review_completed_at, created_at, last_event_id, status_occurred_at, status_event_id,
    opening_customer_status, opening_ltv_usd)
SELECT i.interaction_id, 'customer-' || i.n, 'approved', 'reviewer-' || floor(sqrt(last.chance % 400)),
    ARRAY['thanks for your message!', 'that is number ' || last.place], pg_temp.tags_of(last.chance), 5, i.cta_data,
    coalesce(pg_temp.status_of(gave & 7), 'PROSPECT'), coalesce(i.ltv_usd, 0), last.at, i.created_at, last.event_id,
    giving.at, giving.event_id, 'PROSPECT', 0
FROM (
    SELECT n, interaction_id, max(place) AS last_place, max(place * 8 + status) AS gave, sum(amount) AS ltv_usd,
        min(at) AS created_at, (array_agg(pg_temp.cta_of(chance) ORDER BY place DESC)
            FILTER (WHERE chance % 7 = 0))[1] AS cta_data
    FROM happened
    GROUP BY n, interaction_id
) AS i
JOIN happened last ON last.n = i.n AND last.place = i.last_place
LEFT JOIN happened giving ON giving.n = i.n AND giving.place = i.gave / 8
ORDER BY i.created_at;

INSERT INTO customers (user_id, customer_status, ltv_usd, status_occurred_at, status_event_id)
SELECT 'customer-' || c.n, pg_temp.status_of(gave & 7), coalesce(c.ltv_usd, 0), giving.at, giving.event_id
FROM (SELECT n, max(place * 8 + status) AS gave, sum(amount) AS ltv_usd FROM happened GROUP BY n) AS c
JOIN happened giving ON giving.n = c.n AND giving.place = c.gave / 8;

DROP TABLE person, happened;

-- The desk: 4,000 decisions a day of twenty reviewers in the last 100 days, if there are 870,000 customers.
CREATE TEMPORARY TABLE decision AS
SELECT n, md5('review ' || n)::uuid AS id, md5('decision ' || n)::uuid AS event_id, 'customer-' || n AS user_id,
    'reviewer-' || n % 20 AS reviewer, n % 12 = 0 AS rejected, decided_at,
    opened_at, opened_at - random() * interval '2 hours' AS received_at
FROM (
    SELECT n, now() - interval '100 days' * random() AS decided_at
    FROM generate_series(1, {customers} * 46 / 100) AS n
) AS made
CROSS JOIN LATERAL (SELECT decided_at - random() * interval '5 minutes' AS opened_at) AS opened;

INSERT INTO reviews (interaction_id, user_id, customer_message, draft_bubbles, received_at, opened_at, decided_at,
    state, decided_by, event_id, reject_reason)
SELECT id, user_id, 'how much is it?', ARRAY['It is 50 dollars.'], received_at, opened_at,
    decided_at, CASE WHEN rejected THEN 'rejected' ELSE 'approved' END, reviewer,
    CASE WHEN NOT rejected THEN event_id END, CASE WHEN rejected THEN 'off topic' END
FROM decision
ORDER BY decided_at;

INSERT INTO review_decisions (interaction_id, user_id, decision, reviewer, received_at, opened_at, decided_at,
    final_at, event_id, event, reject_reason)
SELECT id, user_id, CASE WHEN rejected THEN 'rejected' ELSE 'approved' END, reviewer, received_at, opened_at,
    decided_at, decided_at,
    CASE WHEN NOT rejected THEN event_id END,
    CASE WHEN NOT rejected THEN json_build_object('event_id', event_id, 'occurred_at', decided_at, 'interaction_id', id,
        'user_id', user_id, 'reviewer_id', reviewer, 'final_bubbles', json_build_array('It is 50 dollars.'),
        'edit_tags', pg_temp.tags_of(n), 'quality_score', 5)::text END,
    CASE WHEN rejected THEN 'off topic' END
FROM decision
ORDER BY decided_at;

DROP TABLE decision;
ALTER TABLE approvals ADD PRIMARY KEY (event_id);
CREATE INDEX approvals_of_interaction ON approvals (interaction_id);
CREATE INDEX approvals_in_feed_order ON approvals (applied_in, event_id) WITH (deduplicate_items = off);
ALTER TABLE interactions ADD PRIMARY KEY (id);
CREATE INDEX interactions_of_user ON interactions (user_id, created_at NULLS FIRST) INCLUDE (id);
RESET work_mem;
RESET maintenance_work_mem;
