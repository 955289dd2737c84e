UPDATE api_keys SET revoked_at = now()
WHERE (id = %(named)s OR name = %(named)s) AND revoked_at IS NULL
RETURNING {key_columns}
