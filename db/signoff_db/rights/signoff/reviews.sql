-- The review desk.
GRANT USAGE ON SCHEMA {schemas} TO {role};
GRANT SELECT ON {schema}.approvals, {interactions}, {schema}.customers, {schema}.status_decisions,
    {schema}.status_transitions, {schema}.dead_letters TO {role};
GRANT SELECT, INSERT, UPDATE ON {schema}.reviews, {schema}.review_decisions TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.review_drafts, {schema}.review_skips TO {role};
GRANT SELECT, INSERT ON {schema}.operator_actions TO {role};
