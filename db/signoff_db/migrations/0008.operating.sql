-- What operators need over the years: pruning settled dead letters, and alerts that are sent once.
-- depends: 0007.views

ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known;

ALTER TABLE operator_actions ADD CONSTRAINT operator_actions_action_known
    CHECK (action IN ('replay', 'edit', 'discard', 'prune'));

-- What `signoff alert` has told, so that no restart and no second instance tells it again.
CREATE TABLE alerts (
    subject text PRIMARY KEY,
    alerted_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN alerts.subject IS 'The fingerprint of dead letters, or "limit" for their number';
