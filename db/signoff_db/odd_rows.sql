-- Rows of an interactions table that Signoff cannot adopt: how many, with example values. A column that the
-- table lacks is taken from `absent`, where it is null.
SELECT odd.place, count(*), (array_agg(DISTINCT odd.value))[:3]
FROM (SELECT NULL::uuid AS id, NULL::numeric AS ltv_usd) AS absent
CROSS JOIN LATERAL (
    SELECT id, ltv_usd, count(*) OVER (PARTITION BY id) AS same FROM interactions OFFSET 0
) AS held
CROSS JOIN LATERAL (VALUES
    ('id', held.id::text, held.id IS NULL OR held.same > 1),
    ('ltv_usd', held.ltv_usd::text, held.ltv_usd = 'NaN')
) AS odd(place, value, is_odd)
WHERE odd.is_odd
GROUP BY odd.place
ORDER BY odd.place
