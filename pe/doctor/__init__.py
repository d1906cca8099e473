"""What made a table, and which laws somebody's own layer keeps."""
