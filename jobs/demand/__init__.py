"""What each item will sell, how sure that is, and what to order for it."""
