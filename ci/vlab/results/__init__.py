"""What a suite reported, and the tables, pages and files that tell it. What a guest wrote is
not trusted."""
