-- SQLite has no partitions; parts of the log are what pruning drops at a time.

CREATE VIEW span AS SELECT 100000 AS entries; -- Sequences in a part: n * entries to n * entries + entries - 1. Never to be changed once there are entries.
