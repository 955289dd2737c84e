SELECT count(*) FROM dead_letters
WHERE {chosen}
