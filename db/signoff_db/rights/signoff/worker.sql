GRANT USAGE ON SCHEMA {schemas} TO {role};
GRANT SELECT, INSERT ON {schema}.approvals TO {role};
GRANT SELECT, INSERT, UPDATE ON {interactions}, {schema}.customers, {schema}.status_decisions,
    {schema}.dead_letters TO {role};
