"""Floor 2: durable memory. The only room with SQL."""
