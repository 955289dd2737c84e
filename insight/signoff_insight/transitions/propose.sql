-- Add proposals, in this order: `picked` is a JSON array of objects. What is proposed already stays as it is, but for
-- what is outdated: nobody decided about it, so it is made anew. Returns those that were added.
--
-- The time is read after the switch was locked: whoever reads the time under the switch sees all earlier proposals.
INSERT INTO transition_proposals AS p (
    rule, version, user_id, from_status, to_status, evidence_event, rests_on, evidence, reason, evaluated_at, run,
    proposed_at)
SELECT rule, version, user_id, from_status, to_status, evidence_event, rests_on, evidence, reason, %(at)s, %(run)s,
    clock_timestamp()
FROM ROWS FROM (json_to_recordset(%(picked)s::json) AS (
        rule text, version integer, user_id text, from_status text, to_status text, evidence_event uuid, rests_on uuid,
        evidence jsonb, reason text))
    WITH ORDINALITY AS picked (
        rule, version, user_id, from_status, to_status, evidence_event, rests_on, evidence, reason, place)
ORDER BY place
ON CONFLICT (rule, user_id, evidence_event) DO UPDATE SET
    version = excluded.version, from_status = excluded.from_status, to_status = excluded.to_status,
    rests_on = excluded.rests_on, evidence = excluded.evidence, reason = excluded.reason,
    evaluated_at = excluded.evaluated_at, run = excluded.run, proposed_at = excluded.proposed_at,
    state = 'open', decided_by = NULL, decided_at = NULL, comment = NULL
WHERE p.state = 'outdated'
RETURNING id, rule, user_id
