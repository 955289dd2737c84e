SELECT interactions_schema::text FROM installation
