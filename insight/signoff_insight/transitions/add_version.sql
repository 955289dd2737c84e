-- Note what a version of a rule stands for, if it was not used before.
INSERT INTO transition_rules (name, version, content) VALUES (%(name)s, %(version)s, %(content)s)
ON CONFLICT (name, version) DO NOTHING
