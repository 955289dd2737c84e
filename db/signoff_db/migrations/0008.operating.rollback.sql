DROP TABLE alerts;

ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known;

-- What was pruned stays on record.
ALTER TABLE operator_actions ADD CONSTRAINT operator_actions_action_known
    CHECK (action IN ('replay', 'edit', 'discard')) NOT VALID;
