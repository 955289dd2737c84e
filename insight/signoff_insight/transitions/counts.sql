-- How rules fare, or one of them (`rule`, null for all). Of a rule, at most so many proposals of a state (`most`) and one
-- more are counted, so the time does not grow with the history. What became of approvals is told of the latest
-- `most`: each is in exactly one of undone, on its way, void, with effect. Whether a customer came back is looked for
-- only where the customer has an event after the decision.
WITH RECURSIVE rules AS (
    (SELECT rule FROM transition_proposals WHERE %(rule)s::text IS NULL OR rule = %(rule)s ORDER BY rule LIMIT 1)
    UNION ALL
    SELECT (SELECT p.rule FROM transition_proposals p WHERE p.rule > r.rule ORDER BY p.rule LIMIT 1)
    FROM rules r
    WHERE r.rule IS NOT NULL AND %(rule)s::text IS NULL
)
SELECT r.rule, opened.waiting, opened.snoozed, approved.approved, approved.automatic,
    counted.rejected, counted.outdated,
    approved.undone, approved.on_their_way, approved.void, approved.had_effect, approved.reactivated
FROM rules r
CROSS JOIN LATERAL (
    SELECT
        -- Their order is that of one index, by which the two are ranges.
        (SELECT count(*) FROM (
            SELECT FROM transition_proposals
            WHERE rule BETWEEN r.rule AND r.rule AND state = 'open' AND coalesce(snoozed_until, '-infinity') <= now()
            ORDER BY rule, coalesce(snoozed_until, '-infinity') LIMIT %(most)s + 1) AS each) AS waiting,
        (SELECT count(*) FROM (
            SELECT FROM transition_proposals
            WHERE rule BETWEEN r.rule AND r.rule AND state = 'open' AND coalesce(snoozed_until, '-infinity') > now()
            ORDER BY rule, coalesce(snoozed_until, '-infinity') LIMIT %(most)s + 1) AS each) AS snoozed
) AS opened
CROSS JOIN LATERAL (
    SELECT sum(number) FILTER (WHERE state = 'rejected')::integer AS rejected,
        sum(number) FILTER (WHERE state = 'outdated')::integer AS outdated
    FROM unnest('{rejected,outdated}'::text[]) AS state
    CROSS JOIN LATERAL (
        SELECT count(*) AS number
        FROM (
            SELECT FROM transition_proposals
            WHERE rule = r.rule AND transition_proposals.state = state.state LIMIT %(most)s + 1) AS each) AS those
) AS counted
CROSS JOIN LATERAL (
    SELECT count(*) AS approved,
        count(*) FILTER (WHERE is_automatic) AS automatic,
        count(*) FILTER (WHERE place <= %(most)s AND became.what = 'undone') AS undone,
        count(*) FILTER (WHERE place <= %(most)s AND became.what = 'on its way') AS on_their_way,
        count(*) FILTER (WHERE place <= %(most)s AND became.what = 'void') AS void,
        count(*) FILTER (WHERE place <= %(most)s AND became.what = 'effect') AS had_effect,
        count(*) FILTER (WHERE CASE
            WHEN place <= %(most)s AND became.what = 'effect' AND EXISTS (
                SELECT FROM interactions i
                WHERE i.user_id = (p.proposal).user_id
                    AND (i.review_completed_at, i.last_event_id) > (d.occurred_at, d.event_id))
            THEN signoff_reactivated_at(p.proposal) IS NOT NULL
        END) AS reactivated
    FROM (
        SELECT own.*, latest.place
        FROM (
            -- Numbers alone. In this order only the index of the rule's proposals has them: by another one, the
            -- proposals of all rules would be gone through.
            SELECT number, row_number() OVER (ORDER BY number DESC) AS place
            FROM (
                (SELECT number FROM transition_proposals
                WHERE rule BETWEEN r.rule AND r.rule AND state BETWEEN 'approved' AND 'approved'
                ORDER BY rule DESC, state DESC, number DESC LIMIT %(most)s + 1)
                UNION ALL
                (SELECT number FROM transition_proposals
                WHERE rule BETWEEN r.rule AND r.rule AND state BETWEEN 'undone' AND 'undone'
                ORDER BY rule DESC, state DESC, number DESC LIMIT %(most)s + 1)
            ) AS each
            ORDER BY number DESC
            LIMIT %(most)s + 1
        ) AS latest
        CROSS JOIN LATERAL (
            SELECT t.is_automatic, t.event_id, t.undo_event_id, t.user_id, t AS proposal FROM transition_proposals t
            WHERE t.number = latest.number OFFSET 0) AS own
    ) AS p
    LEFT JOIN LATERAL (
        SELECT event_id, occurred_at, void FROM status_decisions WHERE event_id = p.event_id OFFSET 0) AS d ON true
    LEFT JOIN LATERAL (
        SELECT void FROM status_decisions WHERE event_id = p.undo_event_id OFFSET 0) AS undo ON true
    CROSS JOIN LATERAL (
        SELECT CASE
            -- An undo without effect leaves what was decided. One that is not in the ledger yet is looked for.
            WHEN p.undo_event_id IS NOT NULL AND CASE
                WHEN undo.void IS NULL
                THEN (SELECT effect = 'waiting' FROM signoff_decision_now(p.undo_event_id, p.user_id))
                ELSE NOT undo.void END
            THEN 'undone'
            WHEN d.event_id IS NULL THEN 'on its way'
            WHEN d.void THEN 'void'
            ELSE 'effect'
        END AS what
        OFFSET 0) AS became
) AS approved
WHERE r.rule IS NOT NULL
ORDER BY r.rule
