-- Rows of an interactions table that Signoff cannot adopt: how many, and values for example. A column that
-- the table lacks is looked up in `absent`, and null.
SELECT odd.place, count(*), (array_agg(DISTINCT odd.value))[:3]
FROM (SELECT NULL::uuid AS id, NULL::text AS customer_status, NULL::smallint AS quality_score,
    NULL::text[] AS edit_tags, NULL::numeric AS ltv_usd) AS absent
CROSS JOIN LATERAL (
    SELECT id, customer_status, quality_score, edit_tags, ltv_usd, count(*) OVER (PARTITION BY id) AS same
    FROM interactions OFFSET 0
) AS held
CROSS JOIN LATERAL (VALUES
    ('id', held.id::text, held.id IS NULL OR held.same > 1),
    ('customer_status', held.customer_status::text, NOT held.customer_status = ANY(%(statuses)s)),
    ('quality_score', held.quality_score::text, held.quality_score NOT BETWEEN 1 AND 5),
    ('edit_tags', held.edit_tags::text, NOT held.edit_tags <@ %(tags)s::text[]),
    ('ltv_usd', held.ltv_usd::text, held.ltv_usd = 'NaN')
) AS odd(place, value, is_odd)
WHERE odd.is_odd
GROUP BY odd.place
ORDER BY odd.place
