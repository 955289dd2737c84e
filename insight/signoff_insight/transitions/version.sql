-- Whether a version of a rule stands for this content, and what it stands for.
SELECT content = %(content)s, content FROM transition_rules WHERE name = %(name)s AND version = %(version)s
