//! End to end, against programs that no one here wrote.
