"""Floor 2: eyes and hands, no opinions. The only room that touches the world."""
