-- Customers (`users` text[]) about whom rules (`rules` text[], `versions` integer[]) proposed something on this evidence
-- (`evidence` uuid[]) before. Outdated proposals do not count, since nobody decided them. `waiting` is
-- the proposal if this version made it, and nobody has decided it or put it off.
SELECT picked.rule, picked.user_id,
    CASE WHEN p.state = 'open' AND p.version = picked.version AND coalesce(p.snoozed_until, '-infinity') <= now()
        THEN p.id END AS waiting
FROM unnest(%(rules)s::text[], %(versions)s::integer[], %(users)s::text[], %(evidence)s::uuid[])
    AS picked (rule, version, user_id, evidence_event)
JOIN transition_proposals p USING (rule, user_id, evidence_event)
WHERE p.state <> 'outdated'
