//! Pipeline files: reading YAML with its places, checking everything at once.
