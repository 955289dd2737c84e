GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT ON {outbox} TO {role};
