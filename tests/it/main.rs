//! One binary, one module a promise.

mod cli;
mod console;
mod files;
mod golden;
mod pty;
mod steps;
mod tidy;
