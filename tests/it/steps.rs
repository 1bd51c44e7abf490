//! Tests: steps.
