-- SQLite has no partitions; the number is kept so that both dialects count alike.
SELECT 1;
