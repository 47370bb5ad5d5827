//! Handlers: every change, in log order per account, at least once, whatever happens.

mod running;
mod simulation;
mod steering;
