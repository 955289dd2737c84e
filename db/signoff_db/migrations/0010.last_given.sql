-- The last value given, at less than half the cost a row: Postgres starts an executor for each call of a
-- step function in SQL, and none for this one. It matters where an interaction has many events.
-- depends: 0009.sift

CREATE OR REPLACE FUNCTION signoff_later(anyelement, anyelement) RETURNS anyelement
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS 'BEGIN RETURN $2; END';
