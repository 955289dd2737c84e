-- Where the installation is.
SELECT current_schema()::text, interactions_schema::text,
    CASE WHEN found_columns IS NOT NULL
        THEN to_regclass(format('%I.interactions', interactions_schema))::oid::bigint END,
    found_columns::text[]
FROM installation
