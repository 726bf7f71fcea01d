"""Pages that explore the stored rows of a run: the grid, its panels, and a row."""
