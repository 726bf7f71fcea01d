"""The page that queries the stored rows of a run."""
