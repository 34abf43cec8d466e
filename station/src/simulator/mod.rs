//! Units that are not there.
