-- A row if a rule ever proposed something.
SELECT 1 FROM transition_proposals WHERE rule = %(rule)s LIMIT 1
