-- Grant besides what the reader's own function writes to.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT ON {schema}.approvals TO {role};
GRANT SELECT, INSERT, UPDATE ON {schema}.feed_readers TO {role};
