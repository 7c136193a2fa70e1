"""What to show to whom: candidates, a ranker, lists for customers, items and newcomers."""
