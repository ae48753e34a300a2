"""Judge styles with figures, tables and pictures."""
