"""Static figures (matplotlib) in the course's one look; notebooks and slides draw with these."""
