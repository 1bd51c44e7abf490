//! The console's link to an engine in this process.
