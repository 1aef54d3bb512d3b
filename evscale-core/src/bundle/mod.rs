//! Model files: load, check, share.
