-- So that customers are counted once for a move that they made several times, whatever time is asked for.
ALTER TABLE customer_spells ADD COLUMN same_before timestamptz;

COMMENT ON COLUMN customer_spells.same_before IS
    'When the customer last moved from this status to next_status before; null if it never did';
