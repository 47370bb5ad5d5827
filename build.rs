//! Migrations are embedded at compile time; a changed one must compile the program anew.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
