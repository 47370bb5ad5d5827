//! Reconciliation against the emulator: what is missed is found, recorded once and handed on; what is not missed is not.

mod command;
mod everything;
mod interrupted;
mod odd;
mod rig;
mod run;
mod service;
