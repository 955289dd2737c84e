GRANT USAGE ON SCHEMA {schemas} TO {role};
GRANT SELECT ON {schema}.approvals, {interactions}, {schema}.customers, {schema}.review_decisions,
    {schema}.migrations TO {role};
GRANT SELECT, INSERT ON {schema}.operator_actions TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.webhooks, {schema}.webhook_deliveries,
    {schema}.webhook_statuses, {schema}.feed_readers TO {role};
