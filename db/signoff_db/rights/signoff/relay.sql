-- Before it prunes its outbox it looks for each event here.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT ON {schema}.approvals, {schema}.dead_letters, {schema}.pruned_letters TO {role};
