-- Reads everything but passwords, keys, sessions and the secrets of webhooks.
GRANT USAGE ON SCHEMA {schemas} TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT SELECT ON {interactions} TO {role};
REVOKE SELECT ON {schema}.users, {schema}.sign_in_links, {schema}.sessions, {schema}.api_keys,
    {schema}.webhooks FROM {role};
GRANT SELECT (id, name, url, kinds, created_at, begins_at, disabled_at, disabled_reason, previous_until)
    ON {schema}.webhooks TO {role};
