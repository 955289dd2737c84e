SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = 'interactions'::regclass AND attnum > 0 AND NOT attisdropped
