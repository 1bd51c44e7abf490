//! Logs to a rolling file, never to the screen.
