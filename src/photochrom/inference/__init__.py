"""Any photo in, the same photo in color out: no deep-learning framework needed."""
