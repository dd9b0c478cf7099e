"""The door for git's own clients: smart HTTP, and what becomes of a push."""
