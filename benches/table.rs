//! Prints what the other benches found as one table; `make bench` ends with it.

mod harness;

fn main() {
    if std::env::args().any(|argument| argument == "--print") {
        harness::print_all();
    }
}
