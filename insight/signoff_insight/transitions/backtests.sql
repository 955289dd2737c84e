-- The backtests of `rules` (text[]), of each the last ones first.
SELECT b.rule, b.id, b.made_at, b.made_by, b.content, b.result
FROM unnest(%(rules)s::text[]) AS wanted (rule)
CROSS JOIN LATERAL (
    SELECT * FROM transition_backtests WHERE rule = wanted.rule ORDER BY made_at DESC, id DESC LIMIT %(limit)s) AS b
ORDER BY b.rule, b.made_at DESC, b.id DESC
