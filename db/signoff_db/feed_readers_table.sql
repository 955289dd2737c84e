-- How far each reader has read: a row for each, locked while the reader works. It stands in the database of
-- the reader's effects, and is changed in their transaction. If that is not the ledger's database, that one
-- has a copy of the row: to be shown, and to be asked before a partition is detached.
CREATE TABLE feed_readers (
    name text PRIMARY KEY,
    -- Null until the first page was read.
    position text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    is_copy boolean NOT NULL DEFAULT false,
    -- Why the reader cannot go on; null while it works.
    failure text,
    failing_since timestamptz
)
