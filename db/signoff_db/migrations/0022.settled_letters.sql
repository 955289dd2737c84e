-- Discarded letters of a customer and of an interaction: their pages show them. Letters that were resolved are found
-- by their events, which the ledger holds; so settling a letter by a replay writes to no more indexes than before.
CREATE INDEX dead_letters_discarded_of_user ON dead_letters (user_id, id) WHERE state = 'discarded';
CREATE INDEX dead_letters_discarded_of_interaction ON dead_letters (interaction_id, id) WHERE state = 'discarded';

-- An operation notes an action for each of its batches.
ALTER TABLE operator_actions ADD COLUMN operation_id bigint REFERENCES operations;
COMMENT ON COLUMN operator_actions.operation_id IS 'The operation that did it; null if it was done at once, or earlier';
