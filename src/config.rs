//! Settings: flags, then variables, then the file, then defaults.
