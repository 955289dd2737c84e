-- Ask for an audit; no row if one waits or runs already.
INSERT INTO audits (requested_by) VALUES (%(actor)s)
ON CONFLICT DO NOTHING
RETURNING {audit_columns}
