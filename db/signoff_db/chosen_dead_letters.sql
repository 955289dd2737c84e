-- The part that every statement about chosen letters shares: a condition, put in for `{chosen}`.
-- A parameter that is null lets anything through. The text is last: it is looked for only in letters that
-- fulfil the other conditions.
{chosen_by_columns}
    AND {holds_text}
