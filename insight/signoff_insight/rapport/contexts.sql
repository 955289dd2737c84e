-- The contexts of the customers in `customers` (text[]) and of those whose `events` (uuid[]) were applied. One row for
-- each: the context as JSON text, from all that the ledger's database holds of this customer. It is null where no row of
-- the table customers and no review names the customer.
--
-- One statement, so all of a context is of one moment. It reads the rows of these customers alone, each by an index.
-- Texts and JSON of an adopted table are bounded here: they may be of any size. docs/rapport.md says what each field
-- means. Parts are built as json, which is faster than jsonb; the whole becomes jsonb, which orders and spaces it.
WITH wanted AS MATERIALIZED (
    SELECT user_id, row_number() OVER () AS customer
    FROM (
        SELECT user_id FROM unnest(%(customers)b::text[]) AS given (user_id)
        UNION
        SELECT CASE a.event_type WHEN 'approval' THEN (
            SELECT i.user_id FROM interactions i WHERE i.id = a.interaction_id) ELSE a.user_id END
        FROM unnest(%(events)b::uuid[]) AS applied (event_id)
        CROSS JOIN LATERAL (
            SELECT event_type, interaction_id, user_id FROM approvals WHERE event_id = applied.event_id OFFSET 0) AS a
    ) AS named
    WHERE user_id IS NOT NULL
),
known AS MATERIALIZED (
    SELECT w.*, c.customer_status, c.ltv_usd, c.user_id IS NOT NULL AS is_known, coalesce(c.has_detached, false)
        AS has_detached
    FROM wanted w
    LEFT JOIN LATERAL (
        SELECT user_id, customer_status, ltv_usd, last_detached IS NOT NULL AS has_detached
        FROM customers WHERE user_id = w.user_id OFFSET 0) AS c ON true
),
-- Their interactions. Times that programs do not know count as not given.
own AS MATERIALIZED (
    SELECT w.customer, i.*
    FROM wanted w
    CROSS JOIN LATERAL (
        SELECT id, signoff_status_number(opening_customer_status) AS opening, quality_score, edit_tags,
            CASE WHEN review_completed_at >= '0001-01-01 00:00+00' AND review_completed_at < '10000-01-01 00:00+00'
                THEN review_completed_at END AS completed_at,
            CASE WHEN created_at >= '0001-01-01 00:00+00' AND created_at < '10000-01-01 00:00+00'
                THEN created_at END AS created_at,
            review_completed_at IS NOT NULL OR final_bubbles IS NOT NULL AS has_reply,
            coalesce(cta_data <> '{}', false) OR coalesce(edit_tags && '{CTA_SOFT,CTA_MEDIUM,CTA_DIRECT}', false)
                AS has_cta
        FROM interactions WHERE user_id = w.user_id OFFSET 0) AS i
),
held AS (SELECT customer, count(*) AS interactions FROM own GROUP BY customer),
-- Those with a reply, the latest first.
replies AS MATERIALIZED (
    SELECT customer, id, quality_score, edit_tags, has_cta, coalesce(completed_at, created_at) AS replied_at,
        row_number() OVER w AS place,
        row_number() OVER (PARTITION BY customer, has_cta
            ORDER BY coalesce(completed_at, created_at) DESC NULLS LAST, id DESC) AS cta_place
    FROM own
    WHERE has_reply
    WINDOW w AS (PARTITION BY customer ORDER BY coalesce(completed_at, created_at) DESC NULLS LAST, id DESC)
),
-- The last of them in full.
shown AS MATERIALIZED (
    SELECT r.customer, r.id, r.place, r.has_cta, r.cta_place, signoff_json_time(r.replied_at) AS replied_at, i.*
    FROM replies r
    CROSS JOIN LATERAL (
        SELECT final_bubbles, edit_tags, quality_score, left(reviewer_id, 200) AS reviewer_id,
            CASE WHEN octet_length(cta_data::text) <= 8192 AND NOT jsonb_path_exists(cta_data, 'strict $.**{32}')
                THEN cta_data END AS cta,
            signoff_cta_label(cta_data) AS label, customer_status, ltv_usd
        FROM interactions WHERE id = r.id OFFSET 0) AS i
    WHERE r.place <= 10 OR (r.has_cta AND r.cta_place <= 20)
),
exchanges AS (
    SELECT s.customer, json_agg(json_build_object(
        'interaction_id', s.id,
        'customer_message', (
            SELECT left(v.customer_message, 4000) FROM reviews v
            WHERE v.interaction_id = s.id AND v.user_id = w.user_id),
        'reply', ARRAY(
            SELECT left(bubble, 1000) FROM unnest(s.final_bubbles) WITH ORDINALITY AS b (bubble, position)
            WHERE position <= 20 AND bubble IS NOT NULL ORDER BY position),
        'replied_at', s.replied_at,
        'edit_tags', ARRAY(
            SELECT left(tag, 100) FROM unnest(s.edit_tags) WITH ORDINALITY AS t (tag, position)
            WHERE position <= 20 AND tag IS NOT NULL ORDER BY position),
        'quality_score', s.quality_score,
        'reviewer_id', s.reviewer_id,
        'cta', s.cta,
        'customer_status', signoff_known_status(s.customer_status),
        'ltv_usd', coalesce(s.ltv_usd, 0)::numeric(14,2)::text) ORDER BY s.place) AS shown
    FROM shown s
    JOIN wanted w USING (customer)
    WHERE s.place <= 10
    GROUP BY s.customer
),
ctas AS (
    SELECT customer, json_agg(json_build_object(
        'interaction_id', id,
        'replied_at', replied_at,
        'label', label,
        'tags', ARRAY(
            SELECT tag FROM unnest('{CTA_SOFT,CTA_MEDIUM,CTA_DIRECT}'::text[]) AS tag WHERE tag = ANY (edit_tags)),
        'cta', cta) ORDER BY cta_place) AS shown
    FROM shown
    WHERE has_cta AND cta_place <= 20
    GROUP BY customer
),
tags AS (
    SELECT customer, json_object_agg(tag, number) AS tags
    FROM (
        SELECT r.customer, left(t.tag, 100) AS tag, count(*) AS number
        FROM replies r
        CROSS JOIN LATERAL unnest(r.edit_tags) AS t (tag)
        WHERE t.tag IS NOT NULL
        GROUP BY r.customer, left(t.tag, 100)
    ) AS counted
    GROUP BY customer
),
replied AS (
    SELECT customer, min(replied_at) AS first_at, max(replied_at) AS last_at,
        round(avg(quality_score), 2) AS mean,
        json_agg(quality_score ORDER BY place) FILTER (WHERE place <= 10 AND quality_score IS NOT NULL) AS last_scores
    FROM replies
    GROUP BY customer
),
-- Their events, each with its place among those of its customer. Void decisions have no effect. Statuses are numbers
-- (signoff_status_number).
placed AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY customer ORDER BY occurred_at, event_id) AS place
    FROM (
        SELECT o.customer, a.event_id, a.occurred_at, o.id AS interaction_id, o.opening,
            signoff_status_number(a.customer_status) AS gave, a.ltv_amount IS NOT NULL AS has_amount,
            'reviewer:' || a.reviewer_id AS decided_by
        FROM own o
        CROSS JOIN LATERAL (
            SELECT event_id, occurred_at, customer_status, ltv_amount, reviewer_id
            FROM approvals WHERE interaction_id = o.id OFFSET 0) AS a
        UNION ALL
        SELECT w.customer, d.event_id, d.occurred_at, NULL, NULL, signoff_status_number(d.customer_status), false,
            d.decided_by
        FROM wanted w
        CROSS JOIN LATERAL (
            SELECT event_id, occurred_at, customer_status, decided_by
            FROM status_decisions WHERE user_id = w.user_id AND NOT void OFFSET 0) AS d
    ) AS event
),
-- The status before the first event that gave one: that of this event's interaction, or of the newest interaction, as
-- in the view status_transitions. A customer with events in detached partitions did not begin with the first that is
-- left.
begun AS MATERIALIZED (
    SELECT k.customer, first.first_event_at, first.opening = 1 AND NOT k.has_detached AS is_new, first.opening
    FROM known k
    JOIN (
        SELECT p.customer, min(p.occurred_at) AS first_event_at,
            coalesce(
                (array_agg(p.opening ORDER BY p.place) FILTER (WHERE p.gave IS NOT NULL))[1],
                (SELECT signoff_status_number(coalesce(i.opening_customer_status, i.customer_status))
                FROM interactions i
                WHERE i.user_id = min(w.user_id)
                ORDER BY i.created_at DESC NULLS LAST, i.id DESC
                LIMIT 1),
                1) AS opening
        FROM placed p
        JOIN wanted w USING (customer)
        GROUP BY p.customer
    ) AS first USING (customer)
),
-- The status of the customer and of the interaction after each event: the last that was given. The greatest of
-- 8 * place + status is the latest one.
folded AS MATERIALIZED (
    SELECT p.customer, p.place, p.occurred_at, p.decided_by, p.has_amount, p.interaction_id, b.opening AS begun,
        coalesce(max(place * 8 + gave) OVER (PARTITION BY customer ORDER BY place) & 7, b.opening) AS status,
        coalesce(max(place * 8 + gave) OVER (PARTITION BY customer, interaction_id ORDER BY place) & 7,
            p.opening, 1) AS status_of_interaction
    FROM placed p
    JOIN begun b USING (customer)
),
counted AS (
    SELECT customer, count(interaction_id) AS approvals, count(*) - count(interaction_id) AS decisions,
        count(*) FILTER (WHERE has_amount AND status_of_interaction = 3) AS purchases,
        min(occurred_at) FILTER (WHERE interaction_id IS NOT NULL) AS first_at,
        max(occurred_at) FILTER (WHERE interaction_id IS NOT NULL) AS last_at
    FROM folded
    GROUP BY customer
),
-- The event that gave the present status, when another one was before.
moved AS (
    SELECT DISTINCT ON (customer) customer, occurred_at, decided_by
    FROM (
        SELECT customer, place, occurred_at, decided_by, status,
            coalesce(lag(status) OVER (PARTITION BY customer ORDER BY place), begun) AS status_before
        FROM folded
    ) AS step
    WHERE status <> status_before
    ORDER BY customer, place DESC
),
posted AS MATERIALIZED (
    SELECT w.customer, v.*
    FROM wanted w
    CROSS JOIN LATERAL (
        SELECT count(*) AS reviews, count(*) FILTER (WHERE state = 'pending') AS waiting
        FROM reviews WHERE user_id = w.user_id OFFSET 0) AS v
),
-- What upstreams said about the customer, each member as it was given last.
said AS MATERIALIZED (
    SELECT DISTINCT ON (w.customer, m.key COLLATE "C") w.customer, m.key, m.value, v.received_at, v.interaction_id
    FROM wanted w
    JOIN posted p USING (customer)
    CROSS JOIN LATERAL (
        SELECT received_at, interaction_id, context -> 'customer' AS customer
        FROM reviews WHERE user_id = w.user_id
        ORDER BY received_at DESC, interaction_id DESC
        LIMIT 200) AS v
    CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(v.customer) WHEN 'object' THEN v.customer ELSE '{}' END) AS m
    WHERE p.reviews > 0
    ORDER BY w.customer, m.key COLLATE "C", v.received_at DESC, v.interaction_id DESC
),
-- As many members as 16 KiB hold, those that were given last first.
described AS (
    SELECT customer, json_object_agg(key, value) AS described
    FROM (
        SELECT customer, key, value, sum(size) OVER (
            PARTITION BY customer ORDER BY received_at DESC, interaction_id DESC, key COLLATE "C") AS size
        FROM (
            SELECT *, octet_length(to_json(key)::text) + octet_length(value::text) + 4 AS size FROM said OFFSET 0
        ) AS sized
        WHERE size <= 16384 AND NOT jsonb_path_exists(value, 'strict $.**{32}')
    ) AS fitting
    WHERE size <= 16384
    GROUP BY customer
),
-- What rules proposed and nobody has decided, the latest first.
proposed AS (
    SELECT w.customer, json_agg(json_build_object(
        'id', p.id,
        'rule', p.rule,
        'to_status', p.to_status,
        'reason', p.reason,
        'proposed_at', signoff_json_time(p.proposed_at),
        'snoozed_until', signoff_json_time(p.snoozed_until)) ORDER BY p.number DESC) AS shown
    FROM wanted w
    CROSS JOIN LATERAL (
        SELECT id, number, rule, to_status, reason, proposed_at, snoozed_until
        FROM transition_proposals WHERE user_id = w.user_id AND state = 'open' ORDER BY number DESC LIMIT 20) AS p
    GROUP BY w.customer
)
SELECT k.user_id, CASE WHEN k.is_known OR p.reviews > 0 THEN json_build_object(
    'user_id', k.user_id,
    'customer_status', k.customer_status,
    'status_since', signoff_json_time(coalesce(m.occurred_at, CASE WHEN b.is_new THEN b.first_event_at END)),
    'status_decided_by', m.decided_by,
    'ltv_usd', k.ltv_usd::text,
    'first_contact_at', signoff_json_time(least(c.first_at, r.first_at)),
    'last_contact_at', signoff_json_time(greatest(c.last_at, r.last_at)),
    'counts', json_build_object(
        'approvals', coalesce(c.approvals, 0),
        'interactions', coalesce(h.interactions, 0),
        'purchases', coalesce(c.purchases, 0),
        'status_decisions', coalesce(c.decisions, 0),
        'waiting_reviews', p.waiting),
    'exchanges', coalesce(e.shown, '[]'),
    'tags', coalesce(t.tags, '{}'),
    'scores', json_build_object('mean', r.mean, 'last', coalesce(r.last_scores, '[]')),
    'ctas', coalesce(a.shown, '[]'),
    'open_proposals', coalesce(o.shown, '[]'),
    'customer', coalesce(d.described, '{}'))::jsonb::text END AS context
FROM known k
JOIN posted p USING (customer)
LEFT JOIN held h USING (customer)
LEFT JOIN begun b USING (customer)
LEFT JOIN moved m USING (customer)
LEFT JOIN counted c USING (customer)
LEFT JOIN replied r USING (customer)
LEFT JOIN exchanges e USING (customer)
LEFT JOIN tags t USING (customer)
LEFT JOIN ctas a USING (customer)
LEFT JOIN proposed o USING (customer)
LEFT JOIN described d USING (customer)
