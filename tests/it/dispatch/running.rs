//! The dispatcher as it runs in the service, on real stores, with handlers of the tests' own that tell what they are given.

mod ending;
mod failing;
mod order;
mod owners;
mod stalling;
mod teller;
mod wanting;
