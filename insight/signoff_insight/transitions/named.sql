-- Proposals by their numbers or ids, as text (`names`, text[]).
SELECT name, p.id
FROM unnest(%(names)s::text[]) AS name
JOIN transition_proposals p ON p.number = CASE WHEN name ~ '^[0-9]{1,18}$' THEN name::bigint END
    OR p.id = CASE WHEN name ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN name::uuid END
