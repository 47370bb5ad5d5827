//! The program: parses its arguments, runs one subcommand, exits 0 (done), 1 (failed) or 2 (wrong usage or configuration).

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    portraitd::cli::main()
}
