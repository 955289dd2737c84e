-- The tables of the second database, in its schema rapport; what is there already stays as it is.

-- One row a customer. To erase a customer, delete its row here, once it is erased from the ledger's database.
CREATE TABLE IF NOT EXISTS contexts (
    user_id text PRIMARY KEY,
    context jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE contexts IS 'What the next reply should know of each customer; see docs/rapport.md';
COMMENT ON COLUMN contexts.changed_at IS 'When the context became another one';

-- How the contexts were computed, and how far a rebuild is. One row.
CREATE TABLE IF NOT EXISTS rapport_state (
    only_row boolean PRIMARY KEY DEFAULT true,
    definitions integer NOT NULL,
    detached integer NOT NULL DEFAULT 0,
    touched_upto bigint NOT NULL DEFAULT 0,
    step text,
    waits_for text[] NOT NULL DEFAULT '{}',
    rebuilt_upto text,
    customers_rebuilt bigint NOT NULL DEFAULT 0,
    customers_to_rebuild bigint NOT NULL DEFAULT 0,
    rebuilt_at timestamptz,
    caught_up boolean NOT NULL DEFAULT false,
    read_until timestamptz,
    CONSTRAINT rapport_state_only_row CHECK (only_row),
    CONSTRAINT rapport_state_step_known CHECK (step IN ('wait', 'compute', 'delete'))
);

COMMENT ON COLUMN rapport_state.definitions IS 'The version of the definitions: a newer one means a rebuild';
COMMENT ON COLUMN rapport_state.detached IS 'How many partitions of the ledger had been detached';
COMMENT ON COLUMN rapport_state.touched_upto IS 'The last row of the ledger''s touched_customers that is done';
COMMENT ON COLUMN rapport_state.step IS
    'What a rebuild is at: it waits for transactions, computes customers, or deletes those that are gone; else null';
COMMENT ON COLUMN rapport_state.waits_for IS
    'Transactions whose changes were not noted for the reader; a rebuild begins when they have ended';
COMMENT ON COLUMN rapport_state.rebuilt_upto IS 'The last customer of the step, in order of user_id';
COMMENT ON COLUMN rapport_state.rebuilt_at IS 'When the last rebuild ended; null before that';
COMMENT ON COLUMN rapport_state.read_until IS 'The contexts hold all that was applied until then, or more';

-- Whether there may be much more than the contexts hold. A reader that works notes each minute that it does.
CREATE OR REPLACE FUNCTION signoff_is_behind(state rapport_state, reader feed_readers) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT NOT coalesce(state.caught_up AND state.step IS NULL AND reader.failure IS NULL
        AND state.read_until > now() - interval '3 minutes', false)
$$;

-- The context of a customer, and how far contexts reach; null for a customer who is not known.
CREATE OR REPLACE FUNCTION signoff_context(user_id text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT c.context || jsonb_build_object('as_of', jsonb_build_object(
        'read_until', to_char(s.read_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'is_behind', signoff_is_behind(s, r)))
    FROM contexts c
    LEFT JOIN rapport_state s ON s.only_row
    LEFT JOIN feed_readers r ON r.name = 'rapport'
    WHERE c.user_id = $1
$$
