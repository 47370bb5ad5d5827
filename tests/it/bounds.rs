//! Everything at the listener is bounded, and what is beyond the bounds never harms what is within.

mod bodies;
mod crowd;
mod room;
mod times;
