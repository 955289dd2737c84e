-- A key column is one that an index can be searched by, if only by reading it whole. While a table is empty
-- that looks as cheap as the primary key, and a plan made then (after an ANALYZE of the empty table)
-- looked each interaction up by reading all of them.
-- depends: 0010.last_given

DROP INDEX IF EXISTS interactions_of_user;

CREATE INDEX interactions_of_user ON interactions (user_id, created_at) INCLUDE (id);
