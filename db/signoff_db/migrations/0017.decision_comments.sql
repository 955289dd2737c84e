-- What the columns of status_decisions hold, for people who query the table.

COMMENT ON TABLE status_decisions IS
    'The state of each status decision, which may change when other events arrive; the ledger, approvals, holds the events';
COMMENT ON COLUMN status_decisions.event_id IS 'The decision''s event in the ledger';
COMMENT ON COLUMN status_decisions.user_id IS 'The customer';
COMMENT ON COLUMN status_decisions.customer_status IS 'The status that the decision sets';
COMMENT ON COLUMN status_decisions.occurred_at IS 'Its place in the order of events: occurred_at, then event_id';
COMMENT ON COLUMN status_decisions.decided_by IS 'Who decided, such as user:ann, service:billing or rule:churn-silence@3';
COMMENT ON COLUMN status_decisions.reason IS 'Why, for people to read';
COMMENT ON COLUMN status_decisions.rests_on IS
    'The customer''s last event that the decider knew; null if the decision counts whatever stands before it';
COMMENT ON COLUMN status_decisions.rests_on_occurred_at IS
    'When the event in rests_on occurred, noted if its partition of the ledger was detached';
COMMENT ON COLUMN status_decisions.blocked IS
    'Whether an event that makes the decision void stands in a detached partition of the ledger';

COMMENT ON COLUMN customers.last_detached_at IS 'When the event in last_detached occurred';
COMMENT ON COLUMN customers.last_detached_giving_at IS 'When the event in last_detached_giving occurred';
