GRANT USAGE ON SCHEMA {schemas} TO {role};
GRANT SELECT ON {schema}.approvals, {interactions}, {schema}.customers, {schema}.status_decisions,
    {schema}.migrations TO {role};
GRANT SELECT, INSERT, UPDATE ON {schema}.feed_readers, {schema}.insight_state TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.customer_facts, {schema}.customer_purchases,
    {schema}.customer_spells, {schema}.customer_exposures TO {role};
GRANT SELECT, INSERT ON {schema}.exposure_cells, {schema}.exposure_reviewers TO {role};
GRANT SELECT, DELETE ON {schema}.touched_customers TO {role};
GRANT UPDATE ON {schema}.insight_tracking TO {role};
