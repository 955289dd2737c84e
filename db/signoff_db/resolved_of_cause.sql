-- How many letters of one cause were resolved, of the newest `most` that were settled; and how many of these without an
-- operator: their events arrived again. An action is noted in the transaction that resolves its letters.
WITH newest AS MATERIALIZED (
    SELECT id, fingerprint, state, resolved_at FROM dead_letters WHERE state <> 'dead' ORDER BY id DESC LIMIT %(most)s
), mine AS MATERIALIZED (
    SELECT id, resolved_at FROM newest WHERE fingerprint = %(fingerprint)s AND state = 'resolved'
), acted AS (
    SELECT DISTINCT unnest(dead_letter_ids) AS id FROM operator_actions
    WHERE action IN ('replay', 'edit') AND acted_at >= (SELECT min(resolved_at) FROM mine)
)
SELECT count(*), count(*) FILTER (WHERE acted.id IS NULL) FROM mine LEFT JOIN acted USING (id)
