GRANT USAGE ON SCHEMA {schemas} TO {role};
GRANT SELECT ON {schema}.approvals, {interactions}, {schema}.customers, {schema}.status_decisions,
    {schema}.reviews, {schema}.transition_proposals, {schema}.migrations TO {role};
GRANT SELECT, INSERT, UPDATE ON {schema}.feed_readers TO {role};
GRANT SELECT, DELETE ON {schema}.touched_customers TO {role};
GRANT UPDATE ON {schema}.rapport_tracking TO {role};
