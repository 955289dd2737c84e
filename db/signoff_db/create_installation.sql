-- The description of an installation, in Signoff's own schema.
CREATE TABLE migrations (
    name text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE installation (
    -- One row.
    is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
    -- Where the table interactions stands, and the columns that it had before it was adopted; null where
    -- Signoff made it.
    interactions_schema name NOT NULL,
    found_columns name[]
);

-- Every session reads these. A role without USAGE on the schema cannot.
GRANT SELECT ON migrations, installation TO PUBLIC;
