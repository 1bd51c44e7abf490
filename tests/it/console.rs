//! Tests: console.
