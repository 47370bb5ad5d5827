-- Forgetting one person: here it is plain updates, which the guards let through while the eraser has a row here.

CREATE TABLE erasing ( -- Holds a row while a transaction erases; never seen outside of it.
    since INTEGER NOT NULL -- When it began.
) STRICT;
