-- Those of a rule that wait, and those that are snoozed, are counted apart, up to a bound, by ranges of this index.
CREATE INDEX transition_proposals_waiting ON transition_proposals (rule, coalesce(snoozed_until, '-infinity'))
WHERE state = 'open';
