-- Users, sessions and keys.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE ON {schema}.users, {schema}.api_keys TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.sign_in_links, {schema}.sessions TO {role};
GRANT SELECT, INSERT ON {schema}.operator_actions TO {role};
